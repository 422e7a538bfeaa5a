"""The independent axes of a model's inputs, and other sizes to try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from resnet_lint.graph.axes import InputAxis
from resnet_lint.graph.node import Node

Place = tuple[Node, int]

_LONG = 32


def input_axes(inputs: Sequence[Node]) -> list[InputAxis]:
    """The axes of some inputs; equal sizes of the same dimension are one axis, as are the sides of a square image."""
    groups: dict[tuple[int, int], list[Place]] = {}
    for node in inputs:
        for dim, size in enumerate(node.shape or ()):
            groups.setdefault((_first_side(node, dim), size), []).append((node, dim))
    return [InputAxis(tuple(places), size) for (_, size), places in sorted(groups.items(), key=lambda item: item[0])]


def _first_side(node: Node, dim: int) -> int:
    """The dimension itself, or the height for the width of a square image."""
    shape = node.known_shape
    is_width = len(shape) in (4, 5) and dim == len(shape) - 1
    return dim - 1 if is_width and shape[dim] == shape[dim - 1] else dim


def sides_of(axis: InputAxis) -> tuple[InputAxis, InputAxis] | None:
    """The height and the width of square images as two axes; None for another axis."""
    backs = {len(node.known_shape) - dim for node, dim in axis.places}
    if backs != {1, 2} or not axis.is_square:
        return None
    height, width = (
        tuple(place for place in axis.places if len(place[0].known_shape) - place[1] == back) for back in (2, 1)
    )
    return InputAxis(height, axis.size), InputAxis(width, axis.size)


def joined(axes: Iterable[InputAxis], one: InputAxis, other: InputAxis) -> list[InputAxis]:
    """The axes with two of them merged."""
    both = InputAxis((*one.places, *other.places), one.size)
    return [both if axis is one else axis for axis in axes if axis is not other]


def parted(axes: Iterable[InputAxis], one: InputAxis, other: InputAxis, inputs: Set[Node]) -> list[InputAxis] | None:
    """The axes with the dimensions of some inputs moved from one axis to another; None if none or all would move.

    The batch, which all inputs share, is not split.
    """
    moved = tuple(place for place in other.places if place[0] in inputs)
    rest = tuple(place for place in other.places if place not in moved)
    if not moved or not rest or all(dim == 0 for _, dim in other.places):
        return None
    new = {one: InputAxis((*one.places, *moved), one.size), other: InputAxis(rest, other.size)}
    return [new.get(axis, axis) for axis in axes]


def other_sizes(axis: InputAxis, taken: Set[int]) -> Iterator[int]:
    """Other sizes to try for an axis, likeliest to work first, without those of other axes in the model.

    A multiple preserves divisibility by the strides of the model; a smaller size stays within a table of positions. A
    long sequence, which strides shorten, is shortened by a quarter, so that its length differs behind them too.
    """
    size, (node, dim) = axis.size, axis.places[0]
    if dim == 0:
        yield next(other for other in range(size + 1, size + len(taken) + 2) if other not in taken)
        return
    quarter_less = (other for other in range(3 * size // 4, 1, -1) if other not in taken)
    smaller = next(quarter_less, size - 1) if size >= _LONG else size - 1
    tried = (3 * size, size - 1, size // 2) if len(node.known_shape) > 3 else (smaller, 3 * size, size // 2)
    yield from (other for other in dict.fromkeys(tried) if other > 1 and other != size)
