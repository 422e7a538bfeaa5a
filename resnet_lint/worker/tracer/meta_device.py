"""Keeps a forward pass on the meta device, whatever device the user's code requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..tensors import mapped, tensors_in
from .known_values import keep_value, result_on_meta


class OnMeta(TorchFunctionMode):
    """A context manager that keeps torch calls on meta; CPU tensors that are combined with meta tensors are moved."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if _is_accelerator(named.get("device")):
            named["device"] = "meta"
        if func in (torch.Tensor.cuda, torch.Tensor.cpu):
            return args[0]
        if func is torch.autograd.grad:
            return _gradients(*args, **named)
        if func is torch.Tensor.to:
            args = (args[0], *(_stays_on_meta(value, args[0]) for value in args[1:]))
            named = {name: _stays_on_meta(value, args[0]) for name, value in named.items()}
        return self._called(func, self._on_meta(args), self._on_meta(named))

    def _called(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return result_on_meta(func, args, kwargs)

    def _on_meta(self, value: Any) -> Any:
        on_meta = {tensor.is_meta for tensor in tensors_in(value)}
        return mapped(value, self._moved) if len(on_meta) == 2 else value

    def _moved(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.is_meta:
            return value
        moved = value.to("meta")
        keep_value(moved, value, [])
        return moved


def _gradients(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """The gradients of some inputs; of their shapes, if the outputs were computed without an autograd graph."""
    try:
        return torch.autograd.grad(outputs, inputs, *args, **kwargs)
    except RuntimeError:
        return tuple(torch.empty_like(tensor) for tensor in tensors_in(inputs))


def _is_accelerator(device: Any) -> bool:
    """Whether a device is one that this machine may lack, such as the 0 of `device=0`."""
    return device is not None and (_is_number(device) or torch.device(device).type not in ("cpu", "meta"))


def _is_number(value: Any) -> bool:
    """Whether a value is the number of a device, and not a flag."""
    return isinstance(value, int) and not isinstance(value, bool)


def _stays_on_meta(value: Any, tensor: torch.Tensor) -> Any:
    """An argument of `tensor.to`, with devices replaced by meta; "cpu" is kept for tensors that are on the CPU."""
    is_cpu = isinstance(value, str) and value.split(":")[0] == "cpu" and not tensor.is_meta
    names_device = (isinstance(value, (torch.device, str)) and not is_cpu) or _is_number(value)
    return "meta" if names_device else value
