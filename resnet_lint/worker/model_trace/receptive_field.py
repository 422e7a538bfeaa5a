"""The receptive field of an activation: the part of the input that its centre depends on, through all paths.

It follows from the graph, backwards from the activation: every call needs a range of positions of its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from resnet_lint.graph.node import Node
from resnet_lint.shared.records.places import Shape

from .positions import ALL, Needed, UnknownPositionsError, needed_by, united

Field = tuple[tuple[int, int], ...]
"""The first and the last position on each spatial axis of the input; beyond its borders where they are padding."""


def receptive_field(node: Node, channels: Mapping[Node, int]) -> Field | None:
    """The field of the centre of an activation of shape (N, C, ...), or with another axis of channels.

    `channels` maps activations to their channel axis. None if the axis or the effect of a call on the way is unknown,
    if there are several inputs, or if there is no spatial axis.
    """
    if node not in channels or len(node.known_shape) < 3:
        return None
    waiting: dict[Node, Needed] = {node: _centre(node.known_shape, channels[node])}
    try:
        while max(waiting, key=_order).kind != "input":
            last = max(waiting, key=_order)
            needed = waiting.pop(last)
            for source, positions in needed_by(last, needed):
                waiting[source] = united(waiting[source], positions) if source in waiting else positions
    except UnknownPositionsError:
        return None
    [(image, needed), *others] = waiting.items()
    return None if others else _field(image.known_shape, needed, channels.get(image, 1))


def _order(node: Node) -> int:
    return node.order


def _centre(shape: Shape, channel: int) -> Needed:
    middle = ((size // 2, size // 2) for size in shape)
    return tuple(None if axis in (0, channel) else place for axis, place in enumerate(middle))


def _field(shape: Shape, needed: Needed, channel: int) -> Field | None:
    sizes = [size for axis, size in enumerate(shape) if axis not in (0, channel)]
    places = [place for axis, place in enumerate(needed) if axis not in (0, channel)]
    found = [(0, size - 1) if place == ALL else place for place, size in zip(places, sizes, strict=True)]
    return tuple(place for place in found if place is not None) or None
