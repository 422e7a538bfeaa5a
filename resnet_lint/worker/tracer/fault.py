"""Classifies failing calls."""

from __future__ import annotations

from typing import Any

import torch

from resnet_lint.graph.fault import Kind

from .torch_functions import ADDITIONS, CONCATENATIONS, has_wrong_size, layer_of

_TOO_SMALL = ("too small", "can't be greater than actual input", "Kernel size", "Padding size should be less")


def kind_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: str) -> Kind:
    """Classify a failed call by its function and error message."""
    if func in ADDITIONS:
        return "addition"
    if func in CONCATENATIONS or func is torch.stack:
        return "concatenation"
    layer = layer_of(func, args, kwargs)
    if (
        layer is not None
        and isinstance(args[0] if args else None, torch.Tensor)
        and has_wrong_size(layer, args[0].shape)
    ):
        return "layer"
    return "shrunk" if any(phrase in error for phrase in _TOO_SMALL) else "other"
