"""mmcv and mmengine: the convolution with its normalization and activation, and what builds them from dictionaries."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = [
    *("BaseModule", "ConvModule", "DropPath", "ModuleList", "Sequential"),
    *("build_activation_layer", "build_conv_layer", "build_norm_layer"),
]

_CONVOLUTIONS: dict[str, Any] = {"Conv1d": nn.Conv1d, "Conv2d": nn.Conv2d, "Conv3d": nn.Conv3d, "Conv": nn.Conv2d}
_NORMS: dict[str, Any] = {
    **{"BN": ("bn", nn.BatchNorm2d), "BN1d": ("bn", nn.BatchNorm1d), "BN2d": ("bn", nn.BatchNorm2d)},
    **{"BN3d": ("bn", nn.BatchNorm3d), "SyncBN": ("bn", nn.BatchNorm2d), "GN": ("gn", nn.GroupNorm)},
    **{"LN": ("ln", nn.LayerNorm), "IN": ("in", nn.InstanceNorm2d)},
}
_ACTIVATIONS: dict[str, Any] = {
    **{"ReLU": nn.ReLU, "LeakyReLU": nn.LeakyReLU, "PReLU": nn.PReLU, "ReLU6": nn.ReLU6, "ELU": nn.ELU},
    **{"Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "GELU": nn.GELU, "SiLU": nn.SiLU, "Swish": nn.SiLU},
    **{"HSwish": nn.Hardswish, "HSigmoid": nn.Hardsigmoid, "Mish": nn.Mish},
}
_IN_PLACE = frozenset({"ReLU", "LeakyReLU", "ReLU6", "ELU"})


class BaseModule(nn.Module):
    """A module that knows how it is to be initialised."""

    def __init__(self, init_cfg: Any = None) -> None:
        super().__init__()
        self.init_cfg = init_cfg

    def init_weights(self) -> None:
        """Weights have no bearing on shapes."""


class Sequential(BaseModule, nn.Sequential):
    def __init__(self, *args: Any, init_cfg: Any = None) -> None:
        BaseModule.__init__(self, init_cfg)
        nn.Sequential.__init__(self, *args)


class ModuleList(BaseModule, nn.ModuleList):
    def __init__(self, modules: Any = None, init_cfg: Any = None) -> None:
        BaseModule.__init__(self, init_cfg)
        nn.ModuleList.__init__(self, modules)


class DropPath(nn.Module):
    """Stochastic depth: the shape stays."""

    def __init__(self, drop_prob: float = 0.1) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def build_conv_layer(cfg: dict[str, Any] | None, *args: Any, **kwargs: Any) -> nn.Module:
    """The convolution that a dictionary names. Raises KeyError for one that is not torch's."""
    options = dict(cfg or {"type": "Conv2d"})
    layer: nn.Module = _CONVOLUTIONS[options.pop("type")](*args, **kwargs, **options)
    return layer


def build_norm_layer(cfg: dict[str, Any], num_features: int, postfix: int | str = "") -> tuple[str, nn.Module]:
    """The name and the layer of a normalization. Raises KeyError for one that is not torch's."""
    options = dict(cfg)
    kind = options.pop("type")
    options.pop("requires_grad", None)
    name, layer = _NORMS[kind]
    sizes = (options.pop("num_groups"), num_features) if kind == "GN" else (num_features,)
    made: nn.Module = layer(*sizes, **options)
    return f"{name}{postfix}", made


def build_activation_layer(cfg: dict[str, Any]) -> nn.Module:
    """The activation that a dictionary names. Raises KeyError for one that is not torch's."""
    options = dict(cfg)
    layer: nn.Module = _ACTIVATIONS[options.pop("type")](**options)
    return layer


class ConvModule(nn.Module):
    """A convolution with its normalization and activation, in an order that may be given."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool | str = "auto",
        conv_cfg: dict[str, Any] | None = None,
        norm_cfg: dict[str, Any] | None = None,
        act_cfg: dict[str, Any] | None = {"type": "ReLU"},  # noqa: B006 - mmcv's own default
        inplace: bool = True,
        with_spectral_norm: bool = False,
        padding_mode: str = "zeros",
        order: tuple[str, str, str] = ("conv", "norm", "act"),
    ) -> None:
        super().__init__()
        has_bias = norm_cfg is None if bias == "auto" else bool(bias)
        self.order = order
        self.with_norm, self.with_activation = norm_cfg is not None, act_cfg is not None
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.conv = build_conv_layer(
            conv_cfg, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias=has_bias
        )
        if norm_cfg is not None:
            after = order.index("norm") > order.index("conv")
            self.norm_name, norm = build_norm_layer(norm_cfg, out_channels if after else in_channels)
            self.add_module(self.norm_name, norm)
        if act_cfg is not None:
            change = {"inplace": inplace} if act_cfg["type"] in _IN_PLACE else {}
            self.activate = build_activation_layer({**act_cfg, **change})

    @property
    def norm(self) -> nn.Module | None:
        return getattr(self, self.norm_name) if self.with_norm else None

    def forward(self, x: torch.Tensor, activate: bool = True, norm: bool = True) -> torch.Tensor:
        for layer in self.order:
            if layer == "conv":
                x = self.conv(x)
            elif layer == "norm" and norm and self.norm is not None:
                x = self.norm(x)
            elif layer == "act" and activate and self.with_activation:
                x = self.activate(x)
        return x
