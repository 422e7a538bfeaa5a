"""The receptive field of an activation: the part of the input that its centre depends on, through all paths.

It follows from the graph, backwards from the activation: every call needs a range of positions of its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from resnet_lint.graph.node import Node
from resnet_lint.shared.records.places import Shape

from .positions import ALL, Needed, Positions, UnknownPositionsError, needed_by, united

Field = tuple[tuple[int, int], ...]
"""The first and the last position on each spatial axis of the input; beyond its borders where they are padding."""


def receptive_field(node: Node, channels: Mapping[Node, int]) -> Field | None:
    """The field of the centre of an activation of shape (N, C, ...), or with another axis of channels.

    `channels` maps activations to their channel axis. None if the axis or the effect of a call on the way is unknown,
    if there are several inputs, or if there is no spatial axis.
    """
    if node not in channels or len(node.known_shape) < 3:
        return None
    centre = _centre(node.known_shape, channels[node])
    try:
        image, whole = _on_input(node, centre, with_padding=True)
        inside = _on_input(node, centre, with_padding=False)[1]
    except UnknownPositionsError:
        return None
    channel = channels.get(image, 1)
    axes = [axis for axis in range(len(inside)) if axis not in (0, channel)]
    found = (_on_axis(whole[axis], inside[axis], image.known_shape[axis]) for axis in axes)
    return tuple(place for place in found if place is not None) or None


def _centre(shape: Shape, channel: int) -> Needed:
    middle = ((size // 2, size // 2) for size in shape)
    return tuple(None if axis in (0, channel) else place for axis, place in enumerate(middle))


def _on_input(node: Node, centre: Needed, *, with_padding: bool) -> tuple[Node, Needed]:
    """The input, and what the centre needs of it, with or without the padding of the maps between.

    Raises UnknownPositionsError.
    """
    waiting: dict[Node, Needed] = {node: centre}
    while (last := max(waiting, key=_order)).kind != "input":
        for source, needed in needed_by(last, waiting.pop(last)):
            positions = needed if with_padding else _within(source.known_shape, needed)
            waiting[source] = united(waiting[source], positions) if source in waiting else positions
    if len(waiting) > 1:
        raise UnknownPositionsError
    return waiting.popitem()


def _order(node: Node) -> int:
    return node.order


def _within(shape: Shape, needed: Needed) -> Needed:
    """The positions that are not in the padding."""
    return tuple(
        place if place is None or place == ALL else (max(0, min(place[0], size - 1)), min(max(0, place[1]), size - 1))
        for place, size in zip(needed, shape, strict=True)
    )


def _on_axis(whole: Positions | None, inside: Positions | None, size: int) -> Positions | None:
    """The positions on an axis: with the padding beyond a border that is reached.

    Padding of an inner map may stand where the input has rows that no window reads.
    """
    if whole is None or inside is None:
        return None
    first, last = (0, size - 1) if inside == ALL else inside
    if whole == ALL:
        return first, last
    return whole[0] if first == 0 else first, whole[1] if last == size - 1 else last
