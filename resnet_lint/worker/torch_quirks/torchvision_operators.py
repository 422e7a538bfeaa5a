"""The output shapes of torchvision's compiled operators, for when they cannot run.

The number of boxes that non-maximum suppression keeps depends on their values, so it does not accept meta tensors; and
a torchvision that was compiled for another version of torch has no operators at all. Their shapes are known anyway.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch._ops import OpOverloadPacket


def known_result(func: Callable[..., Any], args: tuple[Any, ...], *, fewer: bool) -> torch.Tensor | None:
    """The result of a torchvision operator on meta, with all boxes or `fewer`; None for other functions."""
    if not isinstance(func, OpOverloadPacket):
        return None
    if str(func) == "torchvision.nms":
        return _kept(args[0], fewer)
    make = _RESULTS.get(str(func))
    return make(*args) if make is not None else None


def _kept(boxes: torch.Tensor, fewer: bool) -> torch.Tensor:
    """A possible result: no boxes overlap, so all are kept, or one box overlaps another."""
    return torch.empty(max(len(boxes) - int(fewer), 0), dtype=torch.int64, device="meta")


def _regions(features: torch.Tensor, boxes: torch.Tensor, scale: float, height: int, width: int, *_: Any) -> Any:
    """(N, C, H, W) and (K, 5) -> (K, C, height, width)."""
    return features.new_empty((len(boxes), features.shape[1], height, width))


def _deformed(features: torch.Tensor, weight: torch.Tensor, offset: torch.Tensor, *_: Any) -> torch.Tensor:
    """(N, C, H, W) and (C', C, k, k) -> (N, C', H', W'); the offset has the size of the result."""
    return features.new_empty((len(features), len(weight), *offset.shape[2:]))


_RESULTS: Mapping[str, Callable[..., Any]] = {
    "torchvision.roi_align": _regions,
    "torchvision.deform_conv2d": _deformed,
}


@contextmanager
def operators_expected() -> Iterator[None]:
    """Inside the with block, torchvision calls its operators without checking that they exist."""
    extension: Any = sys.modules.get("torchvision.extension")
    if extension is None:
        yield
        return
    asks, extension._has_ops = extension._has_ops, lambda: True
    try:
        yield
    finally:
        extension._has_ops = asks
