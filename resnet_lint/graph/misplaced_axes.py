"""Finds permutations after which a join combines axes that have the same size and are not the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby, pairwise, permutations
from math import prod

from .axis_origins import Origin, Origins, Part, Parts, origins_of, pairs_of
from .model import Model
from .node import Node
from .permutations import Reorder, order_of
from .residuals import fork_of, path_between

# Tensors of more dimensions are not permuted in another order.
_MOST_DIMS = 6


@dataclass(frozen=True, eq=False)
class Misplaced(Reorder):
    """A permutation whose result has its axes in the wrong places at a `join`; `order` would align both operands."""

    join: Node


def misplaced_axes(model: Model) -> Misplaced | None:
    """The permutation before the first join whose operands have the same axes in another order.

    It is certain only if another order of this one call puts all of them in place. Of several such calls, it is the one
    after whose change the axes have the order that they had at first; of those, the last one.
    """
    origins = model.origins
    for node in model.nodes:
        if len(node.activations) == 2 and node.point is not None and _is_misaligned(node, origins):
            causes = list(_causes(node, model.nodes, origins))
            return min(causes, key=lambda cause: cause[0])[1] if causes else None
    return None


Keys = tuple[Hashable, ...]
"""What identifies the parts of an axis; features beside each other are one part."""


def _is_misaligned(join: Node, origins: Origins) -> bool:
    """Whether the operands have the same axes, but not in the same places; features may be parted, as into heads."""
    pairs = _keys_at(join, origins)
    left, right = ([part for pair in pairs for part in pair[side]] for side in (0, 1))
    return _without_features(left) == _without_features(right) and any(one != other for one, other in pairs)


def _without_features(keys: Sequence[Hashable]) -> tuple[Counter[Hashable], int]:
    """The parts of some axes, and the number of features in them."""
    features = [key for key in keys if isinstance(key, int)]
    return Counter(key for key in keys if key not in features), prod(features)


def is_aligned(join: Node, origins: Origins) -> bool:
    """Whether a join combines the same axes."""
    return all(one == other for one, other in _keys_at(join, origins))


def _keys_at(join: Node, origins: Origins) -> list[tuple[Keys, Keys]]:
    """The axes that a join combines; parts of one axis are divided wherever those of the other operand are.

    The features of a layer may be combined with an axis of the input that only one operand has: its features.
    """
    pairs = list(pairs_of(join, origins))
    if all(one == other for one, other in pairs):
        return []
    roots = [{part.root for pair in pairs for part in pair[side]} for side in (0, 1)]
    pairs = [pair for pair in pairs if not _are_features(pair, roots) and not _are_features(pair[::-1], roots[::-1])]
    ends: dict[Hashable, set[int]] = defaultdict(set)
    for part in (part for pair in pairs for parts in pair for part in parts):
        ends[part.root].add(part.outer)
    return [(_keys(one, ends), _keys(other, ends)) for one, other in pairs]


def _are_features(pair: Sequence[Parts], roots: Sequence[Set[Hashable]]) -> bool:
    """Whether the first axis has the features of a layer, and the second one is not in the other operand."""
    given, own = pair
    is_own = bool(own) and all(part.root not in roots[0] for part in own)
    return bool(given) and all(part.is_of_features for part in given) and is_own


def _keys(parts: Parts, ends: Mapping[Hashable, Set[int]]) -> Keys:
    keys: list[Hashable] = []
    for are_features, group in groupby(parts, lambda part: part.is_of_features):
        if are_features:
            keys.append(prod(part.size for part in group))
        else:
            keys += [piece for part in group for piece in _divided(part, ends[part.root])]
    return tuple(keys)


def _divided(part: Part, ends: Set[int]) -> Iterator[Part]:
    """A part of an axis, divided at the given ends of others."""
    end = part.outer * part.size
    places = [part.outer, *sorted(at for at in ends if part.outer < at < end and not at % part.outer), end]
    if any(two % one for one, two in pairwise(places)):
        places = [part.outer, end]
    yield from (Part(part.root, one, two // one) for one, two in pairwise(places))


def _causes(join: Node, nodes: Sequence[Node], origins: Origins) -> Iterator[tuple[int, Misplaced]]:
    """The permutations on the way to a join that have another order with which its axes fit, the last one first.

    They come with the number of pairs of axes that then are in another order than at first.
    """
    left, right = join.activations
    for node in reversed(path_between(fork_of(left, right), join)):
        order = order_of(node)
        if order is None or node.point is None or not 2 < len(order) <= _MOST_DIMS or _is_meant(node, order, origins):
            continue
        given = node.activations[0].known_shape
        before = {known: origin for known, origin in origins.items() if known.order < node.order}
        for other in permutations(range(len(order))):
            if other != order and tuple(given[dim] for dim in other) == node.shape:
                changed = origins_of(nodes[node.order : join.order], before, {node: other})
                if is_aligned(join, changed):
                    yield _exchanges(changed[join.operands[0]]), Misplaced(node, other, join)


def _exchanges(origin: Origin) -> int:
    """The number of pairs of parts that are in another order than in the tensors that they come from."""
    places = [place for axis in origin for part in axis if (place := part.place) is not None]
    pairs = ((one, other) for at, one in enumerate(places) for other in places[at + 1 :])
    return sum(one[0] == other[0] and one > other for one, other in pairs)


def _is_meant(node: Node, order: Sequence[int], origins: Origins) -> bool:
    """Whether a call exchanges the two sides of a matrix or an image and nothing else, as in `x + x.mT`."""
    moved = [dim for dim, old in enumerate(order) if dim != old]
    return (
        len(moved) == 2
        and 0 not in moved
        and not any(part.is_of_features for dim in moved for part in origins[node][dim])
    )
