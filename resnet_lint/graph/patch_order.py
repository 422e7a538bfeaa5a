"""Finds images that are put together from patches in two orders, and maps that are concatenated in two orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Literal

from .axis_origins import Origin, Part, Parts
from .model import Model
from .node import Node
from .permutations import order_of

Order = Literal["patches first", "pixels first"]


@dataclass(frozen=True, eq=False)
class MixedOrder:
    """A view that merges patches and pixels in one order for `dim`, and in the other one for the next dimension.

    `node` is the permutation in front of it. `is_second` is whether the next dimension has the patches first.
    """

    node: Node
    view: Node
    dim: int
    is_second: bool


def mixed_orders(model: Model) -> Iterator[MixedOrder]:
    """The views that put an image together with one side in another order than the other side.

    In `x.permute(0, 1, 4, 2, 3, 5).reshape(n, c, 2 * h, 2 * w)` of (n, c, 2, 2, h, w), the rows of a patch stay
    together, but its columns don't.
    """
    views = {node: permuted for node in model.nodes if (permuted := permutation_before(node)) is not None}
    origins = model.origins if views else {}
    for view, permuted in views.items():
        axes = _merged_axes(origins[permuted], view)
        for dim, (one, other) in enumerate(pairwise(map(_order, axes))):
            if one is not None and other is not None and one[1] == other[1] and one[0] != other[0]:
                yield MixedOrder(permuted, view, dim, other[0] == "patches first")


def _merged_axes(given: Origin, view: Node) -> list[Parts]:
    """The parts of the axes that a view merges, for each of its axes; none if it divides some."""
    waiting, found = list(given), []
    for size in view.known_shape:
        axis: list[Part] = []
        while waiting and prod(part.size for part in axis) < size:
            axis += waiting.pop(0)
        if prod(part.size for part in axis) != size:
            return []
        found.append(tuple(axis))
    return found


def permutation_before(view: Node) -> Node | None:
    """The permutation whose result a view reads."""
    if not view.is_view or view.point is None or not view.activation:
        return None
    node = view.operands[0]
    while node.function in ("contiguous", "clone"):
        node = node.operands[0]
    return node if order_of(node) is not None and node.point is not None else None


def _order(parts: Parts) -> tuple[Order, tuple[int, int]] | None:
    """The order of the patches and the pixels in an axis of two parts, and their sizes; None for another axis.

    The pixels are an inner part of the axis of the patches, or features of a layer.
    """
    if len(parts) != 2:
        return None
    first, second = parts
    if _is_inner(second, first):
        return "patches first", (first.size, second.size)
    return ("pixels first", (second.size, first.size)) if _is_inner(first, second) else None


def _is_inner(part: Part, other: Part) -> bool:
    if part.root == other.root:
        return not part.is_of_features and part.outer > other.outer
    return part.is_of_features and not other.is_of_features


@dataclass(frozen=True, eq=False)
class OtherLayout:
    """A permutation after which a map is flattened in another order than the others that `join` concatenates."""

    node: Node
    join: Node


def other_layouts(model: Model) -> Iterator[OtherLayout]:
    """The flattened maps whose values are in another order than those of all other operands of a concatenation.

    So are the scores of a detector with `permute(0, 2, 3, 1)` for most maps and `permute(0, 2, 1, 3)` for one.
    """
    joins = [node for node in model.nodes if _joins_maps(node)]
    views = {
        operand: permuted for join in joins for operand in join.operands if (permuted := permutation_before(operand))
    }
    origins = model.origins if views else {}
    for join in joins:
        layouts = {view: _layout(origins[views[view]]) for view in join.operands if view in views}
        counted = Counter(layouts.values())
        usual, number = counted.most_common(1)[0] if counted else ((), 0)
        if number == len(join.operands) - 1 == len(layouts) - 1:
            odd = next(view for view, layout in layouts.items() if layout != usual)
            if sorted(layouts[odd], key=str) == sorted(usual, key=str):
                yield OtherLayout(views[odd], join)


def _joins_maps(node: Node) -> bool:
    return node.kind == "concatenation" and len(node.operands) > 2 and node.point is not None


def _layout(origin: Origin) -> tuple[int | None, ...]:
    """The axes of a map in memory, by the dimension that they had at first; None for features."""
    return tuple(part.place[1] if part.place is not None else None for parts in origin for part in parts)
