"""RL401: modules in a plain list or dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from resnet_lint.rule import Analysis, Built, Call, Case, Finding, Model, Rule, built_of, fix_plans, is_module


class ModuleNotRegistered(Rule):
    """What it does: finds modules with parameters that are called, but stored in a plain list, tuple or dictionary.

    Why is this bad: `parameters()`, `to()`, `train()` and `state_dict()` do not reach them: they are not trained,
    not moved, not saved. The forward pass works on the CPU, so no error is raised at first.

    Example:
        self.blocks = [Block(64) for _ in range(4)]

    Use instead:
        self.blocks = nn.ModuleList([Block(64) for _ in range(4)])

    Fix safety: Unsafe: the parameters are added to the state dict, so that old checkpoints no longer load with
    `strict=True`.
    """

    code = "RL401"
    name = "module-not-registered"
    severity = "warning"
    fixable = True
    bad = (
        Case(
            "a list of blocks",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.stem = nn.Conv2d(3, width, 3)
                    self.blocks = [nn.Conv2d(width, width, 3, padding=1) for _ in range(3)]  # <- RL401
                def forward(self, x):
                    x = self.stem(x)
                    for block in self.blocks:
                        x = x + block(x)
                    return x
        """,
        ),
        Case(
            "a dictionary of heads",
            """
            class Heads(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.stem = nn.Linear(width, width)
                    self.heads = {
                        "one": nn.Linear(width, 2),  # <- RL401
                        "two": nn.Linear(width, 3),
                    }
                def forward(self, x):
                    x = self.stem(x)
                    return {name: head(x) for name, head in self.heads.items()}
        """,
        ),
    )
    good = (
        Case(
            "slices of registered layers",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.features = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.ReLU())
                    self.stages = [self.features[:2], self.features[2:]]
                def forward(self, x):
                    for stage in self.stages:
                        x = stage(x)
                    return x
        """,
        ),
        Case(
            "registered by name",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.stem = nn.Linear(width, width)
                    self.blocks = [nn.Linear(width, width) for _ in range(3)]
                    for index, block in enumerate(self.blocks):
                        self.add_module(f"block{index}", block)
                def forward(self, x):
                    x = self.stem(x)
                    for block in self.blocks:
                        x = x + block(x)
                    return x
        """,
        ),
        Case(
            "hidden on purpose",
            """
            class Student(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                    self.teacher = [nn.Linear(width, width)]
                def forward(self, x):
                    return self.fc(x) - self.teacher[0](x)
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for owner, name, modules, built in _unregistered(model):
                held = vars(owner.module)[name]
                wrapper = "ModuleDict" if isinstance(held, dict) else "ModuleList"
                parameters = sum(parameter.numel() for module in modules for parameter in module.parameters())
                message = (
                    f"{len(modules)} modules with {parameters} parameters are in the plain {type(held).__name__} "
                    f"self.{name}, so they are not registered: not trained, not moved, not saved"
                )
                title = f"make self.{name} an nn.{wrapper}; this adds its parameters to the state dict"
                plan = fix_plans.RegisterModules(title, name, changes_results=True)
                yield self.at(model.where(built.point.span, owner), message, fix_plan=plan)


Unregistered = tuple[Call, str, list[Any], Built]
"""The call of the owner, its attribute, the modules in that, and where one that runs was built."""


def _unregistered(model: Model) -> Iterator[Unregistered]:
    """Modules with parameters that were called and are in a plain list, tuple or dictionary of the calling module.

    A module that shares its parameters with registered ones, such as a slice of an nn.Sequential, counts as registered.
    A list with a single module is skipped: it is a known idiom to keep a teacher or a parent unregistered.
    """
    registered = {id(module) for _, module in model.root.named_modules()}
    trained = {id(parameter) for parameter in model.root.parameters()}
    reported: set[tuple[int, str]] = set()
    for call in model.calls:
        if id(call.module) in registered or trained.issuperset(map(id, call.module.parameters())):
            continue
        for outer in call.with_callers():
            held, built = _held(outer.module, call.module), built_of(call.module)
            if held is not None and built is not None and id(outer.module) in registered:
                name, modules = held
                if len(modules) > 1 and (id(outer.module), name) not in reported:
                    reported.add((id(outer.module), name))
                    yield outer, name, modules, built
                break


def _held(owner: Any, module: Any) -> tuple[str, list[Any]] | None:
    """The attribute of `owner` that holds `module` in a plain container, and all modules in that container."""
    for name, value in vars(owner).items():
        if isinstance(value, (list, tuple, dict)) and not name.startswith("_"):
            modules = list(_modules_in(value))
            if any(held is module for held in modules):
                return name, modules
    return None


def _modules_in(value: Any) -> Iterator[Any]:
    if is_module(value):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _modules_in(part)
