"""RL401: modules in a plain list or dictionary."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import Unregistered
from resnet_lint.shared.records.findings import Finding


class ModuleNotRegistered(Rule):
    """What it does: finds modules with parameters that run, but lie in a plain list, tuple or dictionary of their
    owner.

    Why is this bad: `parameters()`, `to()`, `train()` and `state_dict()` do not reach them: they are not trained,
    not moved, not saved. The forward works on the CPU, so nothing fails at first.

    Example:
        self.blocks = [Block(64) for _ in range(4)]

    Use instead:
        self.blocks = nn.ModuleList([Block(64) for _ in range(4)])

    Fix safety: Unsafe: the state dict gets the parameters, so that an earlier one no longer loads strictly.
    """

    code = "RL401"
    name = "module-not-registered"
    severity = "warning"
    fixable = True
    bad = (
        Case(
            "a list of blocks",
            """
            from torch import nn
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
            from torch import nn
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
            "registered by name",
            """
            from torch import nn
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
            from torch import nn
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
        for each in analysis.of_kind(Unregistered):
            message = (
                f"{each.modules} modules with {each.parameters} parameters lie in the plain {each.holder} "
                f"self.{each.attribute}: not trained, not moved, not saved"
            )
            yield self.noted(each, message)
