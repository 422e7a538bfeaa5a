"""Finds views whose sizes are in a different order than the axes: the sizes move, but not the values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from ..shared.records.fix_plans import PermuteBeforeView
from ..shared.records.places import Shape
from .axes import Altered, Axes, Carried, InputAxis
from .coincidences import permutation
from .node import Node
from .permutations import Reorder, order_of

# Tensors of more dimensions are not permuted.
_MOST_DIMS = 6


@dataclass(frozen=True, eq=False)
class Reordered:
    """A view that misplaces `axis`: `before` are its dimensions in memory, `after` those of the view."""

    node: Node
    axis: InputAxis
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def text(self) -> str:
        """Where the axis is, in words: `dim 1 of x is on axis 1 of (2, 7, 16) and on axis 2 of (2, 4, 7, 4)`."""
        before, after = (" and ".join(map(str, dims)) for dims in (self.before, self.after))
        shapes = self.node.sources[0].shape, self.node.shape
        return f"{self.axis.text} is on axis {before} of {shapes[0]} and on axis {after} of {shapes[1]}"


def reordered(node: Node, axes: Axes) -> Reordered | None:
    """The first axis that a view or reshape misplaces; None for one that only splits and merges neighbours.

    `x.view(b, h * w, c)` of (b, c, h, w) does: in memory the channels come before the pixels.
    """
    if not node.is_view or not node.activation or is_relative_shift(node):
        return None
    source = node.sources[0]
    if source.shape is None or node.shape is None:
        return None
    given, made = axes.of(source), axes.of(node)
    for run in axes.altered:
        if not (_keeps_rank(run, source) and _keeps_rank(run, node)):
            continue
        together = _moved_together(run.axis, given, made)
        before, after = _dims(run, source, given, together), _dims(run, node, made, together)
        if before and after and _is_misplaced(run, node, before, after):
            return Reordered(node, run.axis, before, after)
    return None


def _keeps_rank(run: Altered, node: Node) -> bool:
    """Whether a tensor is there when one size is another, and has as many dimensions as before."""
    shape = run.shape(node)
    return shape is not None and len(shape) == len(node.known_shape)


def _is_misplaced(run: Altered, node: Node, before: Sequence[int], after: Sequence[int]) -> bool:
    source = node.sources[0]
    now = run.shape(source), run.shape(node)
    first = source.known_shape, node.known_shape
    assert now[0] is not None and now[1] is not None
    ratio = _ratio(first, before, after)
    if 0 in now[0] or ratio != _ratio(now, before, after) or not _are_neighbours(after, now[1]):
        return False
    if ratio != (1, 1) and (_is_rest(node, after) or not _are_neighbours(before, now[0])):
        return False  # such as `x.view(16, -1)`: what is left over, and no axis
    if not _are_neighbours(before, now[0]):
        return True
    (low, high), (new_low, new_high) = _stretch(now[0], before), _stretch(now[1], after)
    splits = low % new_low == 0 and new_high % high == 0
    merges = new_low % low == 0 and high % new_high == 0
    return not (splits or merges)


def _is_rest(node: Node, dims: Sequence[int]) -> bool:
    """Whether one of these sizes of a view is -1."""
    sizes = node.arguments.get("size", ())
    return len(sizes) == len(node.known_shape) and any(sizes[dim] == -1 for dim in dims)


def _moved_together(axis: InputAxis, given: Sequence[Carried], made: Sequence[Carried]) -> Carried:
    """An axis, and those that are in one dimension with it before or after the view."""
    together: Carried = frozenset({axis})
    while True:
        more = together.union(*(carried for carried in (*given, *made) if carried & together))
        if more == together:
            return together
        together = more


def _dims(run: Altered, node: Node, carried: Sequence[Carried], together: Carried) -> tuple[int, ...]:
    """The dimensions of a tensor with some axes, without those that are 1: a fixed image is pooled to one pixel."""
    now = run.shape(node) or ()
    first = [size if run.axis.size > 1 else max(size, 2) for size in node.known_shape]
    pairs = enumerate(zip(carried, now, first, strict=True))
    return tuple(dim for dim, (axes, size, before) in pairs if axes & together and size > 1 and before > 1)


def _ratio(shapes: tuple[Shape | None, Shape | None], before: Sequence[int], after: Sequence[int]) -> tuple[int, int]:
    """The ratio of the number of values in some dimensions before and after, as a fraction in lowest terms."""
    assert shapes[0] is not None and shapes[1] is not None
    sizes = math.prod(shapes[0][dim] for dim in before), math.prod(shapes[1][dim] for dim in after)
    common = math.gcd(*sizes) or 1
    return sizes[0] // common, sizes[1] // common


def _are_neighbours(dims: Sequence[int], shape: Shape) -> bool:
    """Whether all dimensions between some dimensions have size 1."""
    return all(shape[dim] == 1 for dim in range(dims[0], dims[-1]) if dim not in dims)


def _stretch(shape: Shape, dims: Sequence[int]) -> tuple[int, int]:
    """The step in memory from one index of some neighbouring dimensions to the next, and that of what is in front."""
    return math.prod(shape[dims[-1] + 1 :]), math.prod(shape[dims[0] :])


def permuted_first(found: Reordered, axes: Axes) -> PermuteBeforeView | None:
    """The fix that permutes the axes before the view; None if the required order is ambiguous."""
    order = _order_for(found, axes) if "size" in found.node.arguments else None
    if order is None:
        return None
    text = permutation(order)
    return PermuteBeforeView(f"permute the axes before the view: {text}", text, changes_results=True)


def wrong_permutation(found: Reordered, axes: Axes) -> Reorder | None:
    """The permutation in a line before the view whose result it reads, and the order that it should have."""
    node = found.node.sources[0]
    while node.function in ("contiguous", "clone"):
        node = node.sources[0]
    order, needed = order_of(node), _order_for(found, axes)
    if order is None or needed is None or node.point is None or found.node.point is None:
        return None
    right = tuple(order[dim] for dim in needed)
    is_before = node.known_point.span.end.line < found.node.known_point.span.start.line
    return Reorder(node, right) if is_before and right != tuple(sorted(right)) else None


def _order_for(found: Reordered, axes: Axes) -> tuple[int, ...] | None:
    """The order of the dimensions in which the view would only merge and split neighbours."""
    node = found.node
    source = node.sources[0]
    rank = len(source.known_shape)
    shapes = [(source.known_shape, node.known_shape)]
    for run in axes.altered:
        before, after = run.shape(source), run.shape(node)
        if before is not None and after is not None:
            shapes.append((before, after))
    orders = permutations(range(rank)) if rank <= _MOST_DIMS else ()
    fitting = (order for order in orders if all(_is_merged(before, after, order) for before, after in shapes))
    return min(fitting, key=_exchanges, default=None)


def _is_merged(before: Shape, after: Shape, order: Sequence[int]) -> bool:
    """Whether a shape consists of some axes in an order, with neighbours merged, or one of them split."""
    left, right = [before[dim] for dim in order if before[dim] != 1], [size for size in after if size != 1]
    while left and right:
        one, other = left.pop(0), right.pop(0)
        merges = one < other
        while one < other and left:
            one *= left.pop(0)
        while other < one and right and not merges:
            other *= right.pop(0)
        if one != other:
            return False
    return not left and not right


def _exchanges(order: Sequence[int]) -> tuple[int, Sequence[int]]:
    """Sort key: the number of pairs of axes that an order exchanges."""
    return sum(one > other for at, one in enumerate(order) for other in order[at + 1 :]), order


def is_relative_shift(node: Node) -> bool:
    """Whether a padded matrix is read with its two sides exchanged, as in the relative shift of positions."""
    source = node.sources[0]
    given, made = source.shape or (), node.shape or ()
    is_padded = source.kind == "concatenation" or source.function == "pad"
    return is_padded and len(given) == len(made) and given[-2:] == made[-1:-3:-1]
