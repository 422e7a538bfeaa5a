"""Finds the feature axis of a tensor from the layers around it."""

from __future__ import annotations

import math

from ..shared.records.places import Shape
from .node import Node


def same_shape_behind(node: Node) -> set[Node]:
    """A node, and the nodes that are computed from it without a change of shape."""
    found, waiting = set(), [node]
    while waiting:
        current = waiting.pop()
        if current not in found and current.shape == node.shape:
            found.add(current)
            waiting.extend(current.users)
    return found


def maker_of_features(node: Node) -> Node | None:
    """The nearest preceding layer that determines the feature axis of a tensor, if the shape has not changed since."""
    above = [node]
    for source in above:  # grows as sources are found
        if source.features_axis is not None:
            return source
        above += [s for s in source.sources if s.shape == node.shape and s not in above]
    return None


def features_moved_to(given: Shape, before: int, result: Shape) -> int | None:
    """The feature axis after a view of other sizes, if it moved to the other end; None if that is uncertain."""
    width, positions = given[before], [size for axis, size in enumerate(given) if axis not in (0, before)]
    after = len(result) - 1 if before == 1 else 1
    if len(given) < 3 or len(result) < 3 or given[0] != result[0] or result[after] != width:
        return None
    certain = width > 1 < math.prod(positions) and width not in (*positions, math.prod(positions))
    return after if certain else None
