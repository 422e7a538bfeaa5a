"""Finds the permutation that misplaces the axes of a later call, by running its block with other orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from .axis_origins import Origin, Origins, Parts
from .misplaced_axes import is_aligned
from .model import Model
from .module_call import ModuleCall
from .node import Node
from .patch_order import permutation_before
from .permutations import Reorder, order_of
from .residuals import path_between
from .source_places import Point

# Larger blocks are not run again, nor are permutations tried that are further away.
_MOST_NODES = 500
_MOST_TRIED = 6


def blamed_permutation(end: Node, model: Model) -> Reorder | None:
    """The permutation before a call that has two of its dimensions exchanged, and its right order.

    With this order, the view has the axes of an earlier tensor in their places; behind another call, the result of
    its block has those of the input. Of several, it is the one whose change leaves the axes closest to their first
    order: `permute(2, 3, 0, 1, 4)` of queries, keys and values, and not the correct permutation after the attention.
    None if no single one explains it, or if a permutation may be missing in front of the view.
    """
    if end.is_view and permutation_before(end) is None:
        return None
    causes = [(_disorder(order) - _disorder(old), -node.order, node, order) for node, old, order in _causes(end, model)]
    best = min(causes, key=lambda cause: cause[:2], default=None)
    return Reorder(*best[2:]) if best is not None else None


def _causes(end: Node, model: Model) -> Iterator[tuple[Node, tuple[int, ...], tuple[int, ...]]]:
    """The nearest permutations before a call with their order, and another one that puts everything in place."""
    tried: set[Point] = set()
    for node in reversed(path_between(None, end)):
        order = order_of(node)
        if order is None or node.point is None or len(order) < 3 or node.point in tried or node is end:
            continue
        if len(tried) == _MOST_TRIED:
            return
        tried.add(node.point)
        block = model.block_of(node)
        if not _is_in(block, end) or sum(_is_in(block, inner) for inner in model.nodes) > _MOST_NODES:
            continue
        if _restores(end, node, block, model):
            return
        for other in _with_two_exchanged(order):
            part = model.in_order(block, node.point, other)
            if part is not None and _restores_in(part, end, node):
                yield node, order, other


def _is_in(block: ModuleCall, node: Node) -> bool:
    return node.call is not None and block in node.call.with_callers()


def _with_two_exchanged(order: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for one, other in combinations(range(len(order)), 2):
        changed = list(order)
        changed[one], changed[other] = changed[other], changed[one]
        yield tuple(changed)


def _disorder(order: Sequence[int]) -> int:
    """The number of pairs of dimensions that an order exchanges."""
    return sum(one > other for one, other in combinations(order, 2))


def _restores_in(part: Model, end: Node, node: Node) -> bool:
    """Whether the block, as a model of its own, restores the axes at a call of the same place."""
    root = next(call for call in part.calls if call.parent is None)
    end_again, again = (next((made for made in part.nodes if made.point == one.point), None) for one in (end, node))
    return end_again is not None and again is not None and _restores(end_again, again, root, part)


def _restores(end: Node, node: Node, block: ModuleCall, model: Model) -> bool:
    """Whether a view has the axes of a tensor before a permutation; or the result of the block those of its input,
    behind a join of like axes.
    """
    if end.is_view:
        return any(_has_axes_of(given, end, model.origins) for given in path_between(None, node))
    results = model.results.get(block, ())[:1]
    restored = (_has_axes_of(given, made, model.origins) for made in results for given in block.inputs)
    return is_aligned(end, model.origins) and any(restored)


def mixed_views(model: Model) -> Iterator[tuple[Node, Reorder]]:
    """The views that put positions and a part of the features into one axis, as far as another order explains it.

    They come with the permutation to blame.
    """
    views: dict[Point, Node] = {}
    for node in model.nodes:
        if permutation_before(node) is not None:
            views.setdefault(node.known_point, node)
    origins = model.origins if views else {}
    for view in views.values():
        given = [node for node in model.block_of(view).inputs if node.shape == view.shape]
        if _mixes_features(origins[view]) and not any(_has_axes_of(node, view, origins) for node in given):
            wrong = blamed_permutation(view, model) if given else None
            if wrong is not None:
                yield view, wrong


def _mixes_features(origin: Origin) -> bool:
    """Whether several axes have features, and one of them has something else too."""
    axes = [parts for parts in origin if any(part.is_of_features for part in parts)]
    return len(axes) > 1 and not all(map(_is_of_features, axes))


def _has_axes_of(given: Node, made: Node, origins: Origins) -> bool:
    """Whether two tensors have the same axes in the same places; at least one is not of features."""
    if given.shape != made.shape or given not in origins or made not in origins:
        return False
    pairs = list(zip(origins[given], origins[made], strict=True))
    parted = [(one, other) for one, other in pairs if one != other]
    return (
        all(map(_is_of_features, (other for _, other in parted)))
        and len(parted) < 2
        and any(one == other and one for one, other in pairs)
    )


def _is_of_features(parts: Parts) -> bool:
    return all(part.is_of_features for part in parts)
