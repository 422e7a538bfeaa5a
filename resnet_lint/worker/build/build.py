"""Constructs modules on the meta device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from resnet_lint.shared.error_text import error_text

from ..process.limits import TimeUp
from ..tracer.evaluation_mode import evaluation_mode
from ..tracer.meta_device import OnMeta


class _SkipInitialisation(TorchFunctionMode):
    """Skips the initialisation of new tensors: memory on the CPU that is never written costs nothing.

    Small ones are filled, because a constructor may read them: `torch.empty(1).uniform_(0.1, 2.0).item()`.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init" or getattr(func, "__name__", "") in _FILLS:
            tensor = args[0] if args else (kwargs or {}).get("tensor")
            if not isinstance(tensor, torch.Tensor) or not _is_small(tensor):
                return tensor
        return func(*args, **(kwargs or {}))


def _is_small(tensor: torch.Tensor) -> bool:
    numbers = [*tensor.shape]
    return all(type(number) is int for number in numbers) and math.prod(numbers) <= _SMALL


_SMALL = 1024
_FILLS = frozenset({"normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_", "xavier_uniform_"})


def build(make: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> nn.Module:
    """Call `make` without using memory: on meta, or on the CPU without initialisation if it fails on meta.

    Some constructors fail on meta (`.item()`, copies of data). Raises the exceptions of `make`, and TypeError if it
    does not return a module.
    """
    kwargs = kwargs or {}
    try:
        with torch.device("meta"):
            made = make(*args, **kwargs)
    except TimeUp:
        raise
    except Exception as error:
        asks_for_gpu = any(word in error_text(error).lower() for word in ("cuda", "accelerator"))
        with torch.device("meta"), OnMeta() if asks_for_gpu else torch.device("cpu"), _SkipInitialisation():
            made = make(*args, **kwargs)
    if not isinstance(made, nn.Module):
        raise TypeError(f"it returns an object of type {type(made).__name__}, not an nn.Module")
    try:
        list(nn.Module.modules(made))
    except TypeError as error:
        raise TypeError("the name of one of its submodules is not a string") from error
    return on_meta(made)


@contextmanager
def uninitialised() -> Iterator[None]:
    """Inside the with block, torch's layers don't initialise their weights, which would require concrete sizes."""
    originals = {layer: layer.reset_parameters for layer in _DRAWN}
    for layer in _DRAWN:
        layer.reset_parameters = lambda self: None
    try:
        with _SkipInitialisation():
            yield
    finally:
        for layer, original in originals.items():
            layer.reset_parameters = original


_DRAWN: tuple[Any, ...] = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear, nn.RNNBase)


def on_meta(module: nn.Module) -> nn.Module:
    """The module on meta, in eval mode (stochastic depth branches on random numbers in training mode)."""
    module.to("meta")
    return evaluation_mode(module)
