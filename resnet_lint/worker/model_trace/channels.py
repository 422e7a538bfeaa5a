"""Finds the channel axis of each tensor: layers determine it, and it is propagated through the graph."""

from __future__ import annotations

import torch
from torch import fx

from ..tracer.torch_functions import CHANNELS_SECOND, FEATURES_LAST


def channel_axes(graph: fx.Graph) -> dict[fx.Node, int]:
    """Map each activation to the index of its channel axis; activations whose channel axis is unknown are left out.

    Model inputs of four or more dimensions are assumed to be channels-first (NCHW), as torch's convolutions expect.
    """
    axes: dict[fx.Node, int] = {}
    for node in graph.nodes:
        axis = _axis(node, axes)
        if axis is not None:
            axes[node] = axis
    return axes


def _axis(node: fx.Node, axes: dict[fx.Node, int]) -> int | None:
    shape = node.meta["shape"]
    if shape is None or len(shape) < 2:
        return None
    rank = len(shape)
    function = node.meta.get("function")
    if node.op == "placeholder":
        return 1 if rank >= 4 else None
    if function in CHANNELS_SECOND:
        return 1
    if function in FEATURES_LAST:
        return rank - 1
    sources = [source for source in node.all_input_nodes if source.meta["activation"]]
    if function in (torch.permute, torch.Tensor.permute):
        return _permuted(node, axes.get(sources[0]) if sources else None)
    alike = [source for source in sources if len(source.meta["shape"] or ()) == rank]
    for source in alike:
        axis = axes.get(source)
        if axis is not None and (_keeps(node, source, axis) or rank == 2):
            return axis
    return rank - 1 if rank == 2 else None


def _keeps(node: fx.Node, source: fx.Node, axis: int) -> bool:
    """Whether a call preserves the order of the axes, judged by its name."""
    name = str(getattr(node.meta.get("function"), "__name__", ""))
    moves = name in ("transpose", "movedim", "swapaxes", "view", "reshape", "flatten", "unflatten", "einsum")
    return not moves or node.meta["shape"] == source.meta["shape"]


def _permuted(node: fx.Node, axis: int | None) -> int | None:
    order = node.args[1:]
    if len(order) == 1 and isinstance(order[0], (list, tuple)):
        order = tuple(order[0])
    rank = len(node.meta["shape"])
    places = [place % rank for place in order if isinstance(place, int)]
    return places.index(axis) if axis is not None and axis in places else None
