"""Classifies torch functions: additions, concatenations, convolutions, ..."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from resnet_lint.graph.fault import Layer
from resnet_lint.graph.node import Kind

from ..tensors import tensors_in

ADDITIONS: frozenset[Any] = frozenset(
    {torch.add, torch.Tensor.add, torch.Tensor.add_, torch.Tensor.__add__, torch.Tensor.__radd__, torch.Tensor.__iadd__}
)


ELEMENTWISE: frozenset[Any] = ADDITIONS | frozenset(
    getattr(owner, name)
    for owner, names in (
        (torch, ("sub", "mul", "div", "maximum", "minimum")),
        (torch.Tensor, ("sub", "sub_", "mul", "mul_", "div", "div_")),
        (torch.Tensor, ("__sub__", "__rsub__", "__isub__", "__mul__", "__rmul__", "__imul__", "__truediv__")),
    )
    for name in names
)


CONCATENATIONS: frozenset[Any] = frozenset({torch.cat, torch.concat, torch.concatenate})


CONVOLUTIONS: frozenset[Any] = frozenset({F.conv1d, F.conv2d, F.conv3d})


TRANSPOSED: frozenset[Any] = frozenset({F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d})


CHANNEL_NORMS: frozenset[Any] = frozenset({F.batch_norm, F.instance_norm, F.group_norm})


LAST_DIMENSION_NORMS: frozenset[Any] = frozenset({F.layer_norm, *([F.rms_norm] if hasattr(F, "rms_norm") else [])})


_POOLS = frozenset(f"{kind}_pool{rank}d" for kind in ("max", "avg", "lp") for rank in (1, 2, 3))


_KINDS: Mapping[Any, Kind] = {
    **dict.fromkeys(ADDITIONS, "addition"),
    **dict.fromkeys(CONCATENATIONS, "concatenation"),
    **dict.fromkeys(CONVOLUTIONS, "convolution"),
    **dict.fromkeys(TRANSPOSED, "transposed"),
    **dict.fromkeys(CHANNEL_NORMS, "channel norm"),
    **dict.fromkeys(LAST_DIMENSION_NORMS, "last norm"),
    F.linear: "linear",
    F.interpolate: "resize",
    torch.detach: "detach",
    torch.Tensor.detach: "detach",
}


def plain_name(func: Any) -> str:
    """The name of a function without underscores: `add` for `__add__` and `add_`."""
    return str(getattr(func, "__name__", "")).strip("_")


def kind_of_call(func: Any) -> Kind:
    """The kind of a torch function."""
    if getattr(func, "__self__", None) is torch.Tensor.data:
        return "data"
    name = str(getattr(func, "__name__", "")).removeprefix("_")
    return _KINDS.get(func, "pool" if name in _POOLS else "other")


def layer_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Layer | None:
    """The input that the layer of a call expects, according to its weights; None if the call is not a layer."""
    if isinstance(func, nn.Module):
        return _layer_of_module(func)
    weight = kwargs.get("weight", args[1] if len(args) > 1 else None)
    if func in CONVOLUTIONS and isinstance(weight, torch.Tensor):
        groups = kwargs.get("groups", args[6] if len(args) > 6 else 1)
        return Layer(weight.shape[1] * groups, 1, weight.dim())
    if func in TRANSPOSED and isinstance(weight, torch.Tensor):
        return Layer(weight.shape[0], 1, weight.dim())
    if func is F.linear and isinstance(weight, torch.Tensor):
        return Layer(weight.shape[-1], -1)
    if func in CHANNEL_NORMS:
        sized = next(tensors_in([*args[1:], *kwargs.values()]), None)
        return Layer(sized.shape[0], 1) if sized is not None else None
    if func in LAST_DIMENSION_NORMS:
        normalized = kwargs.get("normalized_shape", args[1] if len(args) > 1 else None)
        return Layer(normalized[-1], -1) if normalized else None
    return None


def _layer_of_module(module: nn.Module) -> Layer | None:
    if isinstance(module, nn.RNNBase):
        return Layer(module.input_size, -1, 3)
    if isinstance(module, nn.RNNCellBase):
        return Layer(module.input_size, -1, 2)
    if isinstance(module, nn.MultiheadAttention):
        return Layer(module.embed_dim, -1, 3)
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return Layer(module.num_features, 1, {"1d": 3, "2d": 4, "3d": 5}.get(type(module).__name__[-2:]))
    return None


def has_wrong_size(layer: Layer, shape: tuple[int, ...]) -> bool:
    """Whether an input of this shape has the wrong number of channels or features for the layer."""
    if not shape or (layer.dimension == 1 and len(shape) < 2):
        return True
    return shape[layer.dimension] != layer.wanted
