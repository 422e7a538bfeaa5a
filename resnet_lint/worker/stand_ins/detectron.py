"""detectron2: its convolution with normalization and activation, and the records of shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

__all__ = ["CNNBlockBase", "Conv2d", "FrozenBatchNorm2d", "ShapeSpec", "cat", "get_norm"]


@dataclass(frozen=True)
class ShapeSpec:
    """The channels and the stride of a map."""

    channels: int | None = None
    height: int | None = None
    width: int | None = None
    stride: int | None = None


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """A normalization that is not trained."""

    @classmethod
    def convert_frozen_batchnorm(cls, module: nn.Module) -> nn.Module:
        return module


class CNNBlockBase(nn.Module):
    """A block that says its channels and stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.stride = in_channels, out_channels, stride

    def freeze(self) -> CNNBlockBase:
        return self


def get_norm(norm: str | Callable[[int], nn.Module] | None, out_channels: int) -> nn.Module | None:
    """A normalization by its name. Raises KeyError for one that is not torch's."""
    if norm is None or norm == "":
        return None
    if callable(norm):
        return norm(out_channels)
    return _NORMS[norm](out_channels)


_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "BN": nn.BatchNorm2d,
    "SyncBN": nn.BatchNorm2d,
    "nnSyncBN": nn.BatchNorm2d,
    "FrozenBN": FrozenBatchNorm2d,
    "GN": lambda channels: nn.GroupNorm(32, channels),
}


class Conv2d(nn.Conv2d):
    """A convolution with an optional normalization and activation."""

    def __init__(self, *args: Any, norm: Any = None, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.norm, self.activation = norm, activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = super().forward(x)
        x = self.norm(x) if self.norm is not None else x
        return self.activation(x) if self.activation is not None else x


def cat(tensors: list[torch.Tensor], dim: int = 0) -> torch.Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, dim)
