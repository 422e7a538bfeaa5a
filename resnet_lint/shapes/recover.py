"""How a trace goes on after a fault: with the shape that the mended call would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ..records import Shape
from .calls import tensors_in
from .fault import CHANNEL_NORMS, CONCATENATIONS, ELEMENTWISE, LAST_DIMENSION_NORMS, layer_of


def recovered(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], preferred: int) -> torch.Tensor | None:
    """The result of a failed call as if it were mended, on meta; None where nobody can tell.

    `preferred` (0 or 1) is the operand of an elementwise call whose shape is the one that was meant.
    """
    tensors = list(tensors_in([args, kwargs]))
    if func in ELEMENTWISE and len(tensors) == 2:
        return _like(tensors[0], tensors[preferred].shape)
    if func in CONCATENATIONS:
        return _concatenated(tensors, kwargs.get("dim", args[1] if len(args) > 1 else 0))
    if func in CHANNEL_NORMS or func in LAST_DIMENSION_NORMS:
        return _like(tensors[0], tensors[0].shape)
    layer = layer_of(func, args, kwargs)
    if layer is None or (layer.rank is not None and tensors[0].dim() != layer.rank):
        return None
    if func is F.linear:
        return _like(tensors[0], (*tensors[0].shape[:-1], args[1].shape[0]))
    shape = list(tensors[0].shape)
    shape[layer.dimension] = layer.wanted
    try:
        result: torch.Tensor = func(_like(tensors[0], shape), *args[1:], **kwargs)
    except RuntimeError:
        return None
    return result


def _concatenated(tensors: Sequence[torch.Tensor], dim: int) -> torch.Tensor | None:
    first = tensors[0]
    if any(tensor.dim() != first.dim() for tensor in tensors):
        return None
    shape = list(first.shape)
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return _like(first, shape)


def _like(tensor: torch.Tensor, shape: Sequence[int] | Shape) -> torch.Tensor:
    return torch.empty(tuple(shape), dtype=tensor.dtype, device="meta")
