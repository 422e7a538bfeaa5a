"""Continues a trace after a fault, with the shape that the fixed call would have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from resnet_lint.graph.fault import Layer
from resnet_lint.shared.records.places import Shape

from ..tensors import tensors_in
from .torch_functions import CHANNEL_NORMS, CONCATENATIONS, ELEMENTWISE, LAST_DIMENSION_NORMS, layer_of


def recovered(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], preferred: int) -> torch.Tensor | None:
    """The result that a failed call would have if it were fixed, on meta; None if unknown.

    `preferred` (0 or 1) selects the operand of an elementwise call that determines the shape; for a normalization,
    0 is its input and 1 its number of features.
    """
    tensors = list(tensors_in([args, kwargs]))
    if func in ELEMENTWISE and len(tensors) == 2:
        return _like(tensors[0], tensors[preferred].shape)
    if func in CONCATENATIONS:
        return _concatenated(tensors, kwargs.get("dim", args[1] if len(args) > 1 else 0))
    if func is torch.stack:
        return _stacked(tensors, kwargs.get("dim", args[1] if len(args) > 1 else 0))
    layer = layer_of(func, args, kwargs)
    if func in CHANNEL_NORMS or func in LAST_DIMENSION_NORMS:
        return _normalized(tensors[0], layer, preferred)
    if layer is None or (layer.rank is not None and tensors[0].dim() != layer.rank):
        return None
    if func is F.linear:
        return _like(args[1], (*tensors[0].shape[:-1], args[1].shape[0]))
    shape = list(tensors[0].shape)
    shape[layer.dimension] = layer.wanted
    try:
        result: torch.Tensor = func(_like(tensors[0], shape), *args[1:], **kwargs)
    except RuntimeError:
        return None
    return result


def _normalized(tensor: torch.Tensor, layer: Layer | None, preferred: int) -> torch.Tensor:
    """The result if the normalization matched its input (0), or the input matched the normalization (1)."""
    shape = list(tensor.shape)
    if preferred == 1 and layer is not None and len(shape) > 1:
        shape[layer.dimension] = layer.wanted
    return _like(tensor, shape)


def _concatenated(tensors: Sequence[torch.Tensor], dim: int) -> torch.Tensor | None:
    first = tensors[0]
    if any(tensor.dim() != first.dim() for tensor in tensors):
        return None
    shape = list(first.shape)
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return _like(first, shape)


def _stacked(tensors: Sequence[torch.Tensor], dim: int) -> torch.Tensor | None:
    first = tensors[0]
    if any(tensor.dim() != first.dim() for tensor in tensors):
        return None
    shape = list(first.shape)
    shape.insert(dim % (first.dim() + 1), len(tensors))
    return _like(first, shape)


def _like(tensor: torch.Tensor, shape: Sequence[int] | Shape) -> torch.Tensor:
    return torch.empty(tuple(shape), dtype=tensor.dtype, device="meta")
