"""Confirms a failing call by repeating it with real tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from ..tensors import as_meta, mapped, tensors_in
from .torch_functions import plain_name

# The exceptions for shape mismatches; others, such as TypeError, have another cause.
SHAPE_ERRORS = (RuntimeError, ValueError, IndexError, AssertionError)


# Operands are allocated; for larger ones, torch's error on the meta device has to suffice.
_LARGEST_PROOF = 2**28


_NO_MEMORY = "can't allocate memory"
_ON_META = "meta tensors"
_OF_LAYOUT = "expected sparse"  # a tensor that is sparse in Python; here, all are dense

DEPENDS_ON_VALUES = "its result depends on values, which are unknown without data"


class DataDependentError(Exception):
    """A shape depends on values, which meta tensors don't have.

    `possible` is a result for some values, if known, and `other` one for other values.
    """

    def __init__(self, reason: str = DEPENDS_ON_VALUES, possible: Any = None, other: Any = None) -> None:
        super().__init__(reason)
        self.possible = possible
        self.other = other


def replay(func: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str | None, Any]:
    """Repeat a failed call on the CPU with real tensors of the same shapes.

    Returns (error message, None) if it fails there too, which confirms the fault, and (None, result on meta) if it
    succeeds, so that the failure is specific to meta. Raises DataDependentError if the result depends on values, or
    only some values fail, such as lengths of zero.
    """
    if sum(tensor.numel() for tensor in tensors_in([args, kwargs])) > _LARGEST_PROOF:
        raise DataDependentError("too large to run on the CPU")
    if plain_name(func) in ("view", "reshape") and len(list(tensors_in([args, kwargs]))) > 1:
        raise DataDependentError  # a size in a tensor, whose value is not known
    results, errors = [], []
    for fill in (torch.empty,) if plain_name(func) in _FOR_ALL_VALUES else (torch.zeros, torch.ones):
        real = mapped(_autocast((args, kwargs)), partial(filled, fill))
        try:
            with torch.no_grad():
                results.append(func(*real[0], **real[1]))
        except NotImplementedError as error:
            raise DataDependentError(f"torch cannot run {_name(func)} on the CPU") from error
        except SHAPE_ERRORS as error:
            if _NO_MEMORY in str(error):
                raise DataDependentError("too large to run on the CPU") from error
            if _ON_META in str(error):  # a tensor in an object that is passed on as it is, such as a slice
                raise DataDependentError from error
            if _OF_LAYOUT in str(error):
                raise DataDependentError("sparse tensors are not traced") from error
            errors.append(str(error))
    if not results:
        return errors[0], None
    possible = mapped(results[-1], as_meta)
    if errors or _shapes(results[0]) != _shapes(results[-1]):
        if next(tensors_in(possible), None) is None:
            raise DataDependentError
        raise DataDependentError(possible=possible, other=_result_for(_alternating, func, args, kwargs))
    return None, possible


AUTOCAST = frozenset({torch.float16, torch.bfloat16, torch.float32})
"""The dtypes that can be mixed under `torch.autocast`."""


def _autocast(given: Any) -> Any:
    """The arguments of a call, with mixed float16 and float32 tensors cast to float16, as autocast does."""
    types = {tensor.dtype for tensor in tensors_in([given]) if tensor.is_floating_point()}
    if len(types) < 2 or not types <= AUTOCAST:
        return given
    narrow = next(dtype for dtype in types if dtype != torch.float32)
    return mapped(given, lambda value: value.to(narrow) if _is_32_bits(value) else value)


def _is_32_bits(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32


# These fail for all values of their operands or for none, so a single try, with any values, is a proof.
_FOR_ALL_VALUES = frozenset(
    {"add", "iadd", "radd", "sub", "mul", "imul", "rmul", "matmul", "bmm", "cat", "stack", "view", "reshape"}
    | {"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
    | {
        "layer_norm",
        "group_norm",
        "batch_norm",
        "instance_norm",
        "max_pool1d",
        "max_pool2d",
        "avg_pool1d",
        "avg_pool2d",
    }
)


def _result_for(fill: Callable[..., torch.Tensor], func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The result on meta for tensors that `fill` makes; None if the call fails."""
    real = mapped((args, kwargs), partial(filled, fill))
    try:
        with torch.no_grad():
            return mapped(func(*real[0], **real[1]), as_meta)
    except SHAPE_ERRORS:
        return None


def _alternating(shape: Sequence[int], dtype: torch.dtype, device: str) -> torch.Tensor:
    """A tensor of zeros and ones in turn."""
    return (torch.arange(math.prod(shape), device=device) % 2).to(dtype).view(shape)


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", str(func))


def filled(fill: Callable[..., torch.Tensor], value: Any) -> Any:
    """A value for the CPU: a tensor with the same shape and dtype, made by `fill`; a device or its name; or itself."""
    if isinstance(value, torch.Tensor):
        return fill(value.shape, dtype=value.dtype, device="cpu")
    if isinstance(value, str):
        return value.replace("torch.meta.", "torch.")  # from `x.type()` of a meta tensor
    return torch.device("cpu") if isinstance(value, torch.device) else value


def _shapes(value: Any) -> Any:
    return mapped(value, lambda part: tuple(part.shape) if isinstance(part, torch.Tensor) else part)
