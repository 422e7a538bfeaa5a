"""Finds indices that drop an axis, so that a later call combines the batch with another axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .additions import behind_plain_calls
from .axes import Axes, InputAxis
from .model import Model
from .node import Node


@dataclass(frozen=True, eq=False)
class DroppedAxis:
    """An index that drops dimension `dim`, after which `join` combines the batch with this dimension of `other`."""

    node: Node
    dim: int
    join: Node
    other: Node


def dropped_axes(model: Model) -> Iterator[DroppedAxis]:
    """The entries `x[:, 0]` that are combined with slices of the same tensor, which have an axis more.

    A new axis that is made on purpose, as for a value per pair of samples, is no axis of this tensor.
    """
    axes, batch = model.axes, model.batch_axis
    if axes is None or batch is None:
        return
    for join in model.nodes:
        if len(join.operands) != 2 or join.point is None:
            continue
        if join.function not in _ELEMENTWISE and not (join.kind == "addition" and join.known_shape in join.inputs):
            continue  # an addition whose result is larger than both operands is a finding of its own
        for part, other in (join.operands, join.operands[::-1]):
            found = _dropped(part, other, join, batch, axes)
            if found is not None:
                yield found


def _dropped(part: Node, other: Node, join: Node, batch: InputAxis, axes: Axes) -> DroppedAxis | None:
    """The index before one operand, if the other one has the axis that it drops."""
    if not part.shape or len(other.shape or ()) != len(part.shape) + 1:
        return None
    entry = behind_plain_calls(part)
    dim = _dropped_by(entry)
    if dim is None or dim == 0 or entry.point is None:
        return None
    if not axes.of(part)[0] == axes.of(other)[0] == frozenset({batch}) or not _has_same_axes(other, entry.operands[0]):
        return None
    return DroppedAxis(entry, dim, join, other)


def _dropped_by(node: Node) -> int | None:
    """The dimension that an index of slices and one number drops; None for another call."""
    index = node.arguments.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    if node.function != "getitem" or any(not isinstance(part, slice) and type(part) is not int for part in parts):
        return None
    numbers = [at for at, part in enumerate(parts) if type(part) is int]
    return numbers[0] if len(numbers) == 1 else None


def _has_same_axes(node: Node, whole: Node) -> bool:
    """Whether a tensor is computed from another one without a change of rank."""
    while node is not whole and len(node.activations) == 1:
        source = node.activations[0]
        if source.shape is None or len(source.shape) != len(node.known_shape):
            return False
        node = source
    return node is whole


_ELEMENTWISE = frozenset(
    {"sub", "isub", "rsub", "mul", "imul", "rmul", "div", "truediv", "rtruediv", "complex", "where"}
)
