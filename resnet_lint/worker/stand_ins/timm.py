"""timm: the layers and helpers that other people's models take from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

import torch
from torch import nn

__all__ = [
    *("DropPath", "LayerNorm2d", "Mlp", "PatchEmbed", "drop_path", "lecun_normal_", "make_divisible", "register_model"),
    *("to_1tuple", "to_2tuple", "to_3tuple", "to_4tuple", "to_ntuple", "trunc_normal_", "variance_scaling_"),
    *("IMAGENET_DEFAULT_MEAN", "IMAGENET_DEFAULT_STD", "IMAGENET_INCEPTION_MEAN", "IMAGENET_INCEPTION_STD"),
]

IMAGENET_DEFAULT_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEFAULT_STD = (0.229, 0.224, 0.225)
IMAGENET_INCEPTION_MEAN = IMAGENET_INCEPTION_STD = (0.5, 0.5, 0.5)


def to_ntuple(count: int) -> Callable[[Any], tuple[Any, ...]]:
    """A function that repeats a single value `count` times."""

    def parse(value: Any) -> tuple[Any, ...]:
        if isinstance(value, Iterable) and not isinstance(value, str):
            return tuple(value)
        return tuple(repeat(value, count))

    return parse


to_1tuple, to_2tuple, to_3tuple, to_4tuple = (to_ntuple(count) for count in (1, 2, 3, 4))


def make_divisible(v: float, divisor: int = 8, min_value: int | None = None, round_limit: float = 0.9) -> int:
    """The nearest multiple of a divisor, not much below the value."""
    new = max(min_value or divisor, int(v + divisor / 2) // divisor * divisor)
    return new + divisor if new < round_limit * v else new


def register_model(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator; there is no registry here."""
    return function


def trunc_normal_(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """An initialisation, which has no bearing on shapes."""
    return tensor


lecun_normal_ = variance_scaling_ = trunc_normal_


def drop_path(
    x: torch.Tensor, drop_prob: float = 0.0, training: bool = False, scale_by_keep: bool = True
) -> torch.Tensor:
    """Stochastic depth: the shape stays."""
    if drop_prob == 0.0 or not training:
        return x
    mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(1 - drop_prob)
    return x * mask


class DropPath(nn.Module):
    """Stochastic depth as a layer."""

    def __init__(self, drop_prob: float = 0.0, scale_by_keep: bool = True) -> None:
        super().__init__()
        self.drop_prob, self.scale_by_keep = drop_prob, scale_by_keep

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return drop_path(x, self.drop_prob, self.training, self.scale_by_keep)


class LayerNorm2d(nn.LayerNorm):
    """Normalizes the channels of a map."""

    def __init__(self, num_channels: int, eps: float = 1e-6, affine: bool = True) -> None:
        super().__init__(num_channels, eps=eps, elementwise_affine=affine)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """Two linear layers, or 1x1 convolutions, with an activation between them."""

    def __init__(
        self,
        in_features: int,
        hidden_features: int | None = None,
        out_features: int | None = None,
        act_layer: Any = nn.GELU,
        norm_layer: Any = None,
        bias: bool = True,
        drop: float | tuple[float, float] = 0.0,
        use_conv: bool = False,
    ) -> None:
        super().__init__()
        hidden, out = hidden_features or in_features, out_features or in_features
        first, second = to_2tuple(drop)

        def linear(before: int, after: int) -> nn.Module:
            return nn.Conv2d(before, after, 1, bias=bias) if use_conv else nn.Linear(before, after, bias=bias)

        self.fc1 = linear(in_features, hidden)
        self.act = act_layer()
        self.drop1 = nn.Dropout(first)
        self.norm = norm_layer(hidden) if norm_layer is not None else nn.Identity()
        self.fc2 = linear(hidden, out)
        self.drop2 = nn.Dropout(second)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.drop1(self.act(self.fc1(x))))
        out: torch.Tensor = self.drop2(self.fc2(x))
        return out


class PatchEmbed(nn.Module):
    """Patches of an image as tokens, (N, L, C)."""

    def __init__(
        self,
        img_size: Any = 224,
        patch_size: Any = 16,
        in_chans: int = 3,
        embed_dim: int = 768,
        norm_layer: Any = None,
        flatten: bool = True,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.img_size, self.patch_size, self.flatten = to_2tuple(img_size), to_2tuple(patch_size), flatten
        self.grid_size = tuple(size // part for size, part in zip(self.img_size, self.patch_size, strict=True))
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.proj = nn.Conv2d(in_chans, embed_dim, self.patch_size, self.patch_size, bias=bias)
        self.norm = norm_layer(embed_dim) if norm_layer is not None else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.proj(x)
        x = x.flatten(2).transpose(1, 2) if self.flatten else x
        out: torch.Tensor = self.norm(x)
        return out
