"""Finds the channel axis of each tensor: layers determine it, and it is propagated through the graph."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.graph.node import Node
from resnet_lint.graph.permutations import order_of


def channel_axes(nodes: Sequence[Node]) -> dict[Node, int]:
    """Map each activation to the index of its channel axis; activations whose channel axis is unknown are left out.

    Model inputs of four or more dimensions are assumed to be channels-first (NCHW), as torch's convolutions expect.
    """
    axes: dict[Node, int] = {}
    for node in nodes:
        axis = _axis(node, axes)
        if axis is not None:
            axes[node] = axis
    return axes


def _axis(node: Node, axes: dict[Node, int]) -> int | None:
    shape = node.shape
    if shape is None or len(shape) < 2:
        return None
    rank = len(shape)
    if node.kind == "input":
        return 1 if rank >= 4 else None
    if node.features_axis == 1:
        return 1
    if node.kind in ("linear", "last norm"):
        return rank - 1
    sources = list(node.activations)
    if node.function == "permute":
        return _permuted(node, axes.get(sources[0]) if sources else None)
    alike = [source for source in sources if len(source.shape or ()) == rank]
    for source in alike:
        axis = axes.get(source)
        if axis is not None and (_keeps(node, source, axis) or rank == 2):
            return axis
    return rank - 1 if rank == 2 else None


def _keeps(node: Node, source: Node, axis: int) -> bool:
    """Whether a call preserves the order of the axes, judged by its name."""
    name = node.spelling
    moves = name in ("transpose", "movedim", "swapaxes", "view", "reshape", "flatten", "unflatten", "einsum")
    return not moves or node.shape == source.shape


def _permuted(node: Node, axis: int | None) -> int | None:
    order = order_of(node)
    return order.index(axis) if axis is not None and order is not None else None
