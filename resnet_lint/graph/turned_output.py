"""Finds permutations that exchange the height and width of an image, so that the output has them in another order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from .axes import Axes, InputAxis
from .model import Model
from .node import Node
from .permutations import order_of
from .residuals import path_between


@dataclass(frozen=True, eq=False)
class TurnedOutput:
    """A permutation after which `second` comes before `first`, as it does in `output`; in the input it comes after."""

    node: Node
    output: Node
    first: InputAxis
    second: InputAxis


Sides = tuple[InputAxis, InputAxis]
"""The height and the width of an image."""


def turned_output(model: Model) -> TurnedOutput | None:
    """The only permutation on the way to an output that exchanges the sides of a square image, while it moves channels.

    A mere exchange of the sides, `x.transpose(2, 3)`, is intended.
    """
    axes = model.axes_by_side if model.sides_are_free else model.axes
    root = next((call for call in model.calls if call.parent is None), None)
    if axes is None or root is None:
        return None
    found = (_on_the_way_to(output, sides, axes) for output in model.results[root] for sides in _sides_in(axes))
    return next((turned for turned in found if turned is not None), None)


def _on_the_way_to(output: Node, sides: Sides, axes: Axes) -> TurnedOutput | None:
    dims = _dims(output, sides, axes)
    if dims is None or dims[0] < dims[1]:
        return None
    turns = [node for node in path_between(None, output) if _turns(node, sides, axes)]
    is_sure = len(turns) == 1 and turns[0].point is not None and _moves_channels(turns[0], sides, axes)
    return TurnedOutput(turns[0], output, *sides) if is_sure else None


def _sides_in(axes: Axes) -> Iterator[Sides]:
    """The free axes of one size that are beside each other in the only input that has them, an image."""
    free = [axis for axis in axes.inputs if axes.is_free(axis) and len(axis.places) == 1]
    for first, second in product(free, repeat=2):
        (node, dim), (other, next_dim) = first.places[0], second.places[0]
        if node is other and len(node.known_shape) == 4 and first.size == second.size and 0 < dim == next_dim - 1:
            yield first, second


def _turns(node: Node, sides: Sides, axes: Axes) -> bool:
    """Whether a call exchanges the order of the two sides."""
    if order_of(node) is None or len(node.activations) != 1:
        return False
    before, after = _dims(node.activations[0], sides, axes), _dims(node, sides, axes)
    return before is not None and after is not None and (before[0] < before[1]) != (after[0] < after[1])


def _moves_channels(node: Node, sides: Sides, axes: Axes) -> bool:
    before, after = _dims(node.activations[0], sides, axes), _dims(node, sides, axes)
    return {*(before or ())} != {*(after or ())}


def _dims(node: Node, sides: Sides, axes: Axes) -> tuple[int, int] | None:
    """The dimensions of a tensor that depend on the two sides; None if one is not there, or both are merged."""
    one, other = (axes.dims_of(side, node) for side in sides)
    return (one[0], other[0]) if len(one) == len(other) == 1 and one != other else None
