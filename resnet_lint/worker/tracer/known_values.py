"""Keeps the values of small meta tensors that the user's code computes from its own numbers.

`torch.linspace(0, 0.1, 4)`, `torch.as_tensor(shapes, device=x.device)` and whatever is computed from them alone: such
values are sizes, widths and drop rates as often as numbers of Python are.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..tensors import as_meta, mapped, tensors_in
from .torch_functions import plain_name

_MOST_ELEMENTS = 1024
_SOURCES = frozenset(
    {
        torch.arange,
        torch.as_tensor,
        torch.asarray,
        torch.eye,
        torch.full,
        torch.linspace,
        torch.logspace,
        torch.ones,
        torch.range,
        torch.scalar_tensor,
        torch.tensor,
        torch.zeros,
    }
)
# Calls that read the shape or dtype of their first argument only.
_OF_SHAPE = frozenset({"new_full", "new_ones", "new_tensor", "new_zeros", "full_like", "ones_like", "zeros_like"})
_UNPREDICTABLE = re.compile(
    r"rand|normal|uniform|bernoulli|multinomial|poisson|exponential|geometric|cauchy|dropout|empty|resize"
)
_SYMBOLIC = (torch.SymInt, torch.SymFloat, torch.SymBool)


class KeepValues(TorchFunctionMode):
    """A context manager for code on meta whose values are to be known later."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return result_on_meta(func, args, kwargs or {})


@dataclass(frozen=True)
class _Known:
    """A value on the CPU; views share a list with the version at which the values of all of them are known."""

    value: torch.Tensor
    version: list[int]


def known_value(tensor: torch.Tensor) -> torch.Tensor | None:
    """The value of a meta tensor, on the CPU; None if it is unknown, or was changed in place in another way than by
    `result_on_meta`.
    """
    known = _known(tensor)
    return known.value if known is not None else None


def _known(tensor: torch.Tensor) -> _Known | None:
    known: _Known | None = getattr(tensor, "_known", None)
    return known if known is not None and known.version == [tensor._version] else None


def result_on_meta(func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The result of a torch call on meta, also if it depends on values, as that of `.item()`, and these are known.

    Raises the exceptions of the call.
    """
    if plain_name(func) in _WITH_SIZES and len(args) > 1:
        args = (args[0], *mapped(args[1:], _number_of_size))
    arguments = _arguments(func, args, kwargs)
    if arguments is None:
        return func(*args, **kwargs)
    before = [(tensor, known) for tensor in tensors_in([args, kwargs]) if (known := _known(tensor)) is not None]
    try:
        result = func(*args, **kwargs)
    except Exception:
        values = _computed(func, *arguments)
        if values is None:
            raise
        result = mapped(values, as_meta)
    else:
        values = _computed(func, *arguments) if all(map(_is_small_meta, tensors_in(result))) else None
    if func is torch.Tensor.__setitem__:  # which returns nothing
        result, values = args[0], arguments[0][0]
    for tensor, value in zip(tensors_in(result), tensors_in(values), strict=False):
        keep_value(tensor, value, next((known.version for other, known in before if _are_views(tensor, other)), []))
    return result


# What takes sizes, also as integer tensors, which have no number on meta: `x.reshape(torch.min(group, batch), -1)`.
_WITH_SIZES = frozenset({"reshape", "view", "expand", "repeat", "tile", "unflatten", "split", "chunk", "narrow"})


def _number_of_size(value: Any) -> Any:
    known = known_value(value) if isinstance(value, torch.Tensor) and value.is_meta and value.dim() == 0 else None
    return value if known is None or known.is_floating_point() else int(known)


def keep_value(tensor: torch.Tensor, value: torch.Tensor, version: list[int]) -> None:
    """Note the value of a small meta tensor; parameters are left out, as training changes them.

    A view passes the `version` list of its base, other tensors an empty one.
    """
    if type(tensor) is torch.Tensor and not tensor.is_inference() and _is_small_meta(tensor):
        version[:] = [tensor._version]
        tensor._known = _Known(value, version)  # type: ignore[attr-defined]


def _are_views(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    return bool(tensor.untyped_storage()._cdata == other.untyped_storage()._cdata)


def _arguments(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]] | None:
    """The arguments on the CPU, if they are known and decide the result; else None."""
    name = getattr(func, "__name__", "")
    if name in _OF_SHAPE and args and isinstance(args[0], torch.Tensor):
        args = (_blank(args[0], name), *args[1:])
    elif func not in _SOURCES and not any(hasattr(tensor, "_known") for tensor in tensors_in([args, kwargs])):
        return None
    if _is_in_layer():
        return None
    if any(tensor.is_meta and known_value(tensor) is None for tensor in tensors_in([args, kwargs])):
        return None
    if _UNPREDICTABLE.search(name) or any(map(_is_symbolic, _leaves([args, kwargs]))):
        return None
    return mapped(args, _value), mapped(dict(kwargs), _value)


def _is_in_layer() -> bool:
    """Whether a layer of torch makes the call, such as BatchNorm2d for its statistics, which training changes."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("resnet_lint."):
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").startswith("torch.nn.modules.")


def _blank(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """A tensor on the CPU in place of one whose values do not matter; `x.new_zeros(3)` does not read its shape."""
    shape = tensor.shape if name.endswith("_like") and _is_small(tensor) else (0,)
    return torch.empty(shape, dtype=tensor.dtype, device="cpu")


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, slice):
        yield from (value.start, value.stop, value.step)
    else:
        yield value


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, _SYMBOLIC)


def _value(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return known_value(value) if value.is_meta else value
    return "cpu" if isinstance(value, (str, torch.device)) and str(value) == "meta" else value


def _computed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The result of a torch call on the CPU; None if it fails."""
    with suppress(Exception):
        if func in _SOURCES:
            return func(*args, **{**kwargs, "device": "cpu"})
        with torch.device("cpu"), torch.no_grad():
            return func(*args, **kwargs)
    return None


def _is_small_meta(tensor: torch.Tensor) -> bool:
    return tensor.is_meta and _is_small(tensor)


def _is_small(tensor: torch.Tensor) -> bool:
    """Whether a tensor has few elements, and no symbolic sizes."""
    return all(type(size) is int for size in tensor.shape) and math.prod(tensor.shape) <= _MOST_ELEMENTS
