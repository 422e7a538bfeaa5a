"""Finds permutations that exchange the height and width of images while they move the channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .axes import Altered, Axes, InputAxis
from .meetings import meeting_at
from .model import Model
from .node import Node
from .permutations import order_of
from .residuals import depends_on


@dataclass(frozen=True, eq=False)
class ExchangedSides:
    """A permutation whose result has the sides in another order than an image that `join` combines it with.

    `changed` is the side at whose `size` the join fails, with torch's `error`, and `kept` the other one.
    """

    node: Node
    join: Node
    changed: InputAxis
    kept: InputAxis
    size: int
    error: str


def exchanged_sides(model: Model) -> ExchangedSides | None:
    """The first permutation that makes a join fail with another width or height, as one of its operands is turned."""
    axes = model.axes
    found = [node for node in model.nodes if _exchanges(node, axes)] if axes is not None else []
    apart = model.axes_by_side if found else None
    if apart is None:
        return None
    return next((sides for run in apart.altered if (sides := _at(run, apart, found)) is not None), None)


def _exchanges(node: Node, axes: Axes) -> bool:
    """Whether a call moves the channels of a square image, and puts its width before its height.

    `permute(0, 3, 2, 1)` does; `permute(0, 2, 3, 1)` keeps the order, and `transpose(2, 3)` is an intended exchange.
    """
    order = order_of(node) if node.point is not None and len(node.activations) == 1 else None
    if order is None or len(order) < 4:
        return False
    carried = axes.of(node.activations[0])
    sides = [dim for dim, inputs in enumerate(carried) if any(axis.is_square for axis in inputs)]
    places = [order.index(dim) for dim in sides]
    return len(sides) == 2 and places == sorted(places, reverse=True) and set(places) != set(sides)


def _at(run: Altered, apart: Axes, found: Sequence[Node]) -> ExchangedSides | None:
    """The permutation before the join that fails in a trace, if its operands have the same axes in another order."""
    refusal = run.refusal
    meeting = meeting_at(refusal) if refusal is not None and not apart.is_free(run.axis) else None
    if meeting is None or refusal is None or len(refusal.inputs) != 2:
        return None
    one, other = refusal.inputs
    is_turned = one != other and sorted(one) == sorted(other)
    kept = apart.of(meeting.kept_operand)[meeting.kept[1]]
    before = [node for node in found if sum(depends_on(operand, node) for operand in meeting.node.operands) == 1]
    if not is_turned or len(kept) != 1 or len(before) != 1:
        return None
    [other_side] = kept
    return ExchangedSides(before[0], meeting.node, run.axis, other_side, run.size, " ".join(refusal.error.split()))
