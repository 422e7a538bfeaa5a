"""Which axis of each tensor counts its channels: what the layers say of it, carried along through the graph."""

from __future__ import annotations

import torch
from torch import fx

from ..tracer.torch_functions import CHANNELS_SECOND, FEATURES_LAST


def channel_axes(graph: fx.Graph) -> dict[fx.Node, int]:
    """The axis of each activation, from 0; none for those of which nobody knows.

    An image that enters the model is taken to have its channels second, as torch's convolutions want it.
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
    """Whether a call leaves the order of the axes as it is, as far as its name says."""
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
