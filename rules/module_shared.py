"""RL402: one module used several times in a model by accident."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from resnet_lint.rule import (
    Analysis,
    Call,
    Case,
    Finding,
    Model,
    Node,
    Point,
    Rule,
    built_of,
    depends_on,
    function_of,
    is_a,
    names_bound_by,
    node_at,
    statement_at,
)


class ModuleShared(Rule):
    """What it does: finds a multiplied list, `[block] * n`, in an nn.Sequential or nn.ModuleList; and a batch
    normalization that one forward pass applies after two different layers.

    Weights shared in other ways, such as by name or in a loop, are assumed to be intended.

    Why is this bad: `[block] * n` repeats one block n times. The layers share their weights, so the model is as deep
    as intended but has 1/n of the parameters. A shared batch normalization mixes the statistics of two layers.

    Example:
        self.layers = nn.Sequential(*[Block(64)] * 4)

    Use instead:
        self.layers = nn.Sequential(*[Block(64) for _ in range(4)])
    """

    code = "RL402"
    name = "module-shared-by-accident"
    severity = "warning"
    bad = (
        Case(
            "a multiplied list",
            """
            class Net(nn.Module):
                def __init__(self, width=8, depth=3):
                    super().__init__()
                    self.layers = nn.Sequential(*[nn.Linear(width, width)] * depth)  # <- RL402
                def forward(self, x):
                    return self.layers(x)
        """,
        ),
        Case(
            "one normalization after two layers",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv1 = nn.Conv2d(width, width, 3, padding=1)
                    self.conv2 = nn.Conv2d(width, width, 3, padding=1)
                    self.bn = nn.BatchNorm2d(width)
                def forward(self, x):
                    out = torch.relu(self.bn(self.conv1(x)))
                    out = self.bn(self.conv2(out))  # <- RL402
                    return out + x
        """,
        ),
    )
    good = (
        Case(
            "a repeated step, layers without weights",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.step = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))
                    self.tail = nn.Sequential(*[nn.ReLU()] * 2)
                def forward(self, x):
                    for _ in range(3):
                        x = x + self.step(x)
                    return self.tail(x)
        """,
        ),
        Case(
            "one head for every level",
            """
            class Heads(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    head = nn.Linear(width, 2)
                    self.heads = nn.ModuleList([head for _ in range(3)])
                def forward(self, x):
                    return [head(x) for head in self.heads]
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for call, point, copies in _repeated_modules(model):
                message = (
                    f"this {type(call.module).__name__} is used {copies} times in the model because its list is "
                    "multiplied: all copies share the same weights"
                )
                where = model.where(point.span, _owner_at(call, point))
                yield self.at(where, message, advice="construct the modules separately, in a list comprehension")
            for parent, first, second in _shared_norms(model):
                message = (
                    f"{second.relative_path(parent)} already normalizes another layer's output on line "
                    f"{first.known_caller.span.start.line}: a batch normalization keeps a single set of statistics"
                )
                point = second.known_caller
                where = model.where(point.span, model.caller_at(second, point))
                yield self.at(where, message, advice="construct a second normalization layer")


def _repeated_modules(model: Model) -> Iterator[tuple[Call, Point, int]]:
    """Containers that hold one module several times because their list was multiplied."""
    calls = {id(call.module): call for call in model.calls}
    reported: set[Point] = set()
    for _, container in model.root.named_modules():
        parts = container._modules.values() if is_a(container, "Sequential", "ModuleList") else ()
        for module, copies in Counter(parts).items():
            built = built_of(module) if module is not None else None
            if module is None or built is None or copies < 2 or next(module.parameters(), None) is None:
                continue
            call = calls.get(id(module))
            point = next((point for point in built.chain if _in_multiplied_list(point)), None)
            if call is not None and point is not None and point not in reported:
                reported.add(point)
                yield call, point, copies


def _owner_at(call: Call, point: Point) -> Call:
    """The call of the module whose constructor contains an expression."""
    around = function_of(point.code)
    for caller in call.with_callers():
        constructor = getattr(type(caller.module).__init__, "__code__", None)
        if constructor is not None and function_of(constructor) is around:
            return caller
    return call


def _in_multiplied_list(point: Point) -> bool:
    """Whether an expression is an element of a multiplied list, or its statement binds a name that is."""
    function, statement = function_of(point.code), statement_at(point)
    if function is None or statement is None:
        return False
    made = node_at(point)
    names = names_bound_by(statement) if isinstance(statement, ast.Assign) and statement.value is made else frozenset()
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                parts = side.elts if isinstance(side, ast.List) else []
                if any(part is made or (isinstance(part, ast.Name) and part.id in names) for part in parts):
                    return True
    return False


def _shared_norms(model: Model) -> Iterator[tuple[Call, Call, Call]]:
    """A batch normalization that one forward pass applies at two places in sequence, after different layers."""
    uses: dict[tuple[int, Call], list[Call]] = {}
    for call in model.calls:
        if is_a(call.module, "_BatchNorm") and call.parent is not None and call.inputs:
            uses.setdefault((id(call.module), call.parent), []).append(call)
    for (_, parent), calls in uses.items():
        first, second = calls[0], calls[1] if len(calls) > 1 else calls[0]
        if first.caller == second.caller or first.caller is None or second.caller is None:
            continue
        layers = [_layer_before(call.inputs[0]) for call in (first, second)]
        if None not in layers and layers[0] != layers[1] and depends_on(second.inputs[0], first.inputs[0]):
            yield parent, first, second


def _layer_before(node: Node) -> int | None:
    return id(node.call.module) if node.call is not None and node.call.is_torchs else None
