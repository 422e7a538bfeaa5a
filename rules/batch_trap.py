"""RL304: a call that works for one batch size only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, Literal

from resnet_lint.rule import (
    Analysis,
    Case,
    Finding,
    Model,
    Node,
    OtherBatch,
    Rule,
    Shape,
    Traits,
    batch_kept,
    depends_on,
    with_new_classes,
)


class BatchTrap(Rule):
    """What it does: finds a `squeeze()` that also drops a batch dimension of size 1, a `view` with a hard-coded batch
    size, and a concatenation along the batch where the channels are meant. It traces the model with a second batch
    size and reports a call where that fails or changes the rank of the result.

    Why is this bad: it first shows in the last batch of an epoch, or with a single image in production.

    Example:
        x = self.pool(x).squeeze()

    Use instead:
        x = self.pool(x).flatten(1)

    Fix safety: Safe: `flatten(1)` is suggested only where it returns the same for every batch size that worked.
    """

    code = "RL304"
    name = "batch-trap"
    severity = "warning"
    traits = Traits(family="samples")
    fixable = True
    bad = (
        Case(
            "squeeze() drops a batch of one",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3)
                    self.pool = nn.AdaptiveAvgPool2d(1)
                def forward(self, x):
                    return self.pool(self.conv(x)).squeeze()  # <- RL304
        """,
        ),
        Case(
            "a hard-coded batch size",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                    self.fc = nn.Linear(width * 16, 2)
                def forward(self, x):
                    x = self.conv(x)
                    x = x.view(16, -1)  # <- RL304
                    return self.fc(x)
            if __name__ == "__main__":
                Net()(torch.randn(16, 3, 4, 4))
        """,
        ),
        Case(
            "concatenated along the batch instead of the channels",
            """
            class Stem(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(1, 4, 3, padding=1)
                def forward(self, x):
                    copies = torch.cat([x, x, x, x], 0)  # <- RL304
                    return torch.relu(self.conv(x) + copies)
            if __name__ == "__main__":
                Stem()(torch.randn(1, 1, 16, 16))
        """,
        ),
    )
    good = (
        Case(
            "the batch dimension is kept",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3)
                    self.pool = nn.AdaptiveAvgPool2d(1)
                def forward(self, x):
                    x = self.pool(self.conv(x)).squeeze(-1).squeeze(-1)
                    return x.view(x.size(0), -1)
        """,
        ),
        Case(
            "a state with the batch size of the model, not of the input",
            """
            class Cell(nn.Module):
                def __init__(self, batch=4, width=6):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                    self.register_buffer("state", torch.zeros(1, batch, width))
                def forward(self, x):
                    return x + self.fc(self.state).view(4, -1)
            if __name__ == "__main__":
                Cell()(torch.randn(4, 6))
        """,
        ),
        Case(
            "two views of an image in one batch",
            """
            class Pairs(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                def forward(self, x):
                    both = self.conv(torch.cat([x, x.flip(-1)], 0))
                    first, second = both.chunk(2, 0)
                    return first + second
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        failing = {failure.span for failure in analysis.failures}
        for model in with_new_classes(analysis.models):
            for node, again, call, batch, consequence in _traps(model):
                what, advice = _WORDS[call]
                gives = f"it returns {again.shape}, and " if again.shape is not None else ""
                message = f"{what}: with a batch of {batch} {gives}{consequence}"
                where = model.where_of(node)
                if where.span not in failing:  # an error in the file's own run, reported by another rule
                    plan = batch_kept(node) if call != "concatenation" else None
                    yield self.at(where, message, advice=advice, fix_plan=plan)


Call = Literal["squeeze", "view", "concatenation"]

_WORDS: Mapping[Call, tuple[str, str]] = {
    "squeeze": ("squeeze() also drops the batch dimension", "pass the dimensions to drop"),
    "view": ("this view hard-codes the batch size", "take the batch size from the tensor: x.size(0)"),
    "concatenation": ("dim 0 is the batch, so this stacks samples", "concatenate along dim=1"),
}


def _traps(model: Model) -> Iterator[tuple[Node, Node, Call, int, str]]:
    """Calls in the user's code that mishandle the batch dimension, if another batch size changes or breaks the result.

    The second trace runs only if there is such a call.
    """
    batch = _batch_of(model)
    suspects = [(node, call) for node in model.nodes if batch and (call := _suspect(node, batch))]
    other = model.other_batch if suspects else None
    consequence = _consequence(model, other) if other is not None else None
    if other is None or consequence is None:
        return
    at_same_place = {node.point: node for node in other.model.nodes if node.function}
    for node, call in suspects:
        again = at_same_place.get(node.point)
        if again is not None and _is_trap(call, node, again, model, other.model):
            yield node, again, call, other.batch, consequence


def _batch_of(model: Model) -> int | None:
    """The size of dimension 0, if it is the same for all inputs."""
    sizes = {shape[0] if shape else 0 for shape in model.input_shapes}
    return sizes.pop() if len(sizes) == 1 and 0 not in sizes else None


def _suspect(node: Node, batch: int) -> Call | None:
    """How a call may mishandle the batch: drop it if its size is 1, hard-code its size, or concatenate along it."""
    name, inputs, shape = node.function, node.inputs, node.shape
    if not node.activation or not node.point or not inputs or not inputs[0] or not shape:
        return None
    if name == "squeeze" and "dim" not in node.arguments and batch > 1 and inputs[0][0] == batch:
        return "squeeze"
    if name in ("view", "reshape") and batch > 1 and _first_size(node) == batch == shape[0]:
        return "view"
    along = node.arguments.get("dim", 0)
    if node.kind == "concatenation" and along in (0, -len(shape)) and len(inputs) > 1:
        return "concatenation" if all(part[0] == batch for part in inputs) else None
    return None


def _first_size(node: Node) -> Any:
    return next(iter(node.arguments.get("size", ())), None)


def _is_trap(call: Call, node: Node, again: Node, first: Model, second: Model) -> bool:
    if call == "squeeze":
        return again.shape is not None and len(again.known_shape) < len(node.known_shape)
    if call == "view":
        fixed = _first_size(again) == _first_size(node) and prod(again.inputs[0]) != prod(node.inputs[0])
        return fixed and not _is_of_another_axis(node, first)
    return any(depends_on(fault.node, again) for fault in second.trace.all_faults if fault.kind == "addition")


def _is_of_another_axis(node: Node, model: Model) -> bool:
    """Whether the first axis of a result is another axis of the inputs, which is as long as the batch here."""
    return model.axes is not None and bool(model.axes.of(node)[0])


def _consequence(first: Model, other: OtherBatch) -> str | None:
    """What goes wrong with the other batch size; None if nothing does."""
    if other.model.trace.all_faults:
        fault = other.model.trace.all_faults[0]
        return f"line {fault.point.span.start.line} fails: {' '.join(fault.error.split())}"
    if other.model.trace.stop is not None:
        return None
    for one, two in zip(first.output_shapes, other.model.output_shapes, strict=False):
        expected = (other.batch, *one[1:]) if one and one[0] == other.first else one
        if two != expected and not _is_batch_elsewhere(one, two, first=other.first, batch=other.batch):
            return f"the model returns {two} instead of {expected}"
    return None


def _is_batch_elsewhere(one: Shape, two: Shape, first: int, batch: int) -> bool:
    """Whether the only change of an output is the batch: on another axis, or with others on the first one."""
    changed = [dim for dim, sizes in enumerate(zip(one, two, strict=False)) if sizes[0] != sizes[1]]
    if len(one) != len(two) or len(changed) != 1:
        return False
    [dim] = changed
    return (one[dim], two[dim]) == (first, batch) or (dim == 0 and one[0] * batch == two[0] * first)
