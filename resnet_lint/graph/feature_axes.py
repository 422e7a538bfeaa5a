"""Finds the feature axis of a tensor from the layers around it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..shared.records.places import Shape
from .model import Model, name_of
from .module_call import is_a
from .node import Node
from .permutations import permutes


def same_shape_behind(node: Node) -> set[Node]:
    """A node, and the nodes that are computed from it without a change of shape or order of axes."""
    found, waiting = set(), [node]
    while waiting:
        current = waiting.pop()
        if current not in found and current.shape == node.shape:
            found.add(current)
            waiting.extend(user for user in current.users if not permutes(user))
    return found


def maker_of_features(node: Node) -> Node | None:
    """The nearest preceding layer that determines the feature axis of a tensor, if it has not moved since.

    The shape is that of the layer's result, or the positions of channels have been flattened: `x.flatten(2)`.
    """
    above = [node]
    for source in above:  # grows as sources are found
        if source.features_axis is not None:
            return source if source.features_axis == 1 or source.shape == node.shape else None
        same = source.sources if not permutes(source) else ()
        above += [s for s in same if s not in above and (s.shape == node.shape or _flattens_positions(source, s))]
    return None


def _flattens_positions(view: Node, given: Node) -> bool:
    before, after = given.shape or (), view.known_shape
    return (
        (view.is_view or view.function == "flatten")
        and min(len(before), len(after)) > 2
        and (before[:2] == after[:2] and len(after) < len(before))
    )


def is_map(node: Node) -> bool:
    """Whether a value is what a convolution gave, pooled and activated, so that its channels are second."""
    current: Node | None = node
    while current is not None and current.features_axis is None:
        if current.kind == "pool" and len(current.known_shape) > 3:
            return True
        shape, above = current.known_shape, (source for source in current.activations if source.shape is not None)
        current = next((s for s in above if len(s.known_shape) == len(shape) and s.known_shape[:2] == shape[:2]), None)
    return current is not None and current.features_axis == 1


def features_moved_to(given: Shape, before: int, result: Shape) -> int | None:
    """The feature axis after a view of other sizes, if it moved to the other end; None if that is uncertain."""
    width, positions = given[before], [size for axis, size in enumerate(given) if axis not in (0, before)]
    after = len(result) - 1 if before == 1 else 1
    if len(given) < 3 or len(result) < 3 or given[0] != result[0] or result[after] != width:
        return None
    others = [size for axis, size in enumerate(result) if axis not in (0, after)]
    certain = width > 1 < math.prod(positions) and width not in (*positions, *others, math.prod(positions))
    return after if certain else None


def moved_features(model: Model) -> Iterator[tuple[Node, str, int, str, int]]:
    """Views that pass the channels of a convolution to a layer that reads the last axis, or the other way round.

    The sizes match, but the values keep their order in memory, so each new row mixes positions and channels.
    """
    for node in model.nodes:
        if not node.is_view or node.point is None or not node.activation:
            continue
        source = node.sources[0]
        maker = maker_of_features(source)
        if maker is None or source.shape is None or node.shape is None:
            continue
        before = 1 if maker.features_axis == 1 else len(source.shape) - 1
        moved = features_moved_to(source.shape, before, node.shape)
        taker = _taker_of(node, moved, model) if moved is not None else None
        if moved is not None and taker is not None:
            yield node, name_of(maker, model.block_of(node)), before, taker, moved


def _taker_of(node: Node, axis: int, model: Model) -> str | None:
    """The name of the first layer after a tensor that reads its features from this axis."""
    owner, behind = model.block_of(node), _with_features_kept(node, axis)
    for call in model.calls:
        if is_a(call.module, *_FEATURES_LAST) and any(behind.get(made) == -1 for made in call.inputs[:1]):
            return call.relative_path(owner)
    for user in sorted({user for made in behind for user in made.users}, key=lambda user: user.order):
        wanted = user.features_axis
        place = behind.get(user.operands[0]) if wanted is not None else None
        if wanted is not None and place is not None and (wanted - place) % len(user.inputs[0]) == 0:
            return name_of(user, owner)
    return None


def _with_features_kept(node: Node, axis: int) -> dict[Node, int]:
    """The tensors behind a node that have its features on axis 1 or -1: beside others, or with other axes merged."""
    rank = len(node.known_shape)
    found: dict[Node, int] = {}
    waiting = [(node, -1 if axis == rank - 1 else axis)]
    while waiting:
        current, place = waiting.pop()
        if current in found:
            continue
        found[current] = place
        waiting += [(user, place) for user in current.users if _keeps_features(user, current, place)]
    return found


def _keeps_features(user: Node, node: Node, axis: int) -> bool:
    """Whether a call keeps the features of a tensor where they are."""
    before, after = node.known_shape, user.shape
    if after is None or len(after) < 2 or permutes(user):
        return False
    if user.kind == "concatenation":
        along = user.arguments.get("dim", 0)
        return isinstance(along, int) and along % len(after) != axis % len(after)
    if (user.is_view or user.function == "flatten") and after != before:
        return axis == -1 and after[-1] == before[-1] and len(after) < len(before)
    return after == before


_FEATURES_LAST = ("MultiheadAttention", "TransformerEncoderLayer", "RNNBase")
