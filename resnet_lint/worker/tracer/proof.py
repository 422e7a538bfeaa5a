"""Proves a fault: the failing call runs again on small real tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from ..tensors import mapped, tensors_in
from .torch_functions import TRANSPOSED

# What a wrong shape raises; anything else (a TypeError, say) is a mistake of another sort.
SHAPE_ERRORS = (RuntimeError, ValueError, IndexError, AssertionError)


# A proof allocates its operands for real; a larger one is left to torch's own word on the meta device.
_LARGEST_PROOF = 2**28


_NO_MEMORY = "can't allocate memory"


class DataDependentError(Exception):
    """The shapes that follow depend on values that only a real run has; `possible` are those that some values give."""

    def __init__(
        self, reason: str = "its result depends on values that only a real run has", possible: Any = None
    ) -> None:
        super().__init__(reason)
        self.possible = possible


def refuse_what_meta_lets_pass(func: Any, args: tuple[Any, ...]) -> None:
    """Raise the error that the CPU would: a transposed convolution on meta takes any number of channels."""
    if func in TRANSPOSED and args[0].dim() == args[1].dim() and args[0].shape[1] != args[1].shape[0]:
        raise RuntimeError(
            f"expected input to have {args[1].shape[0]} channels, but got {args[0].shape[1]} channels instead"
        )


def replay(func: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str | None, Any]:
    """Make the failed call again with real tensors of the same shapes on the CPU.

    Returns (torch's error text, None) where it fails there too: that is the proof. Returns (None, result on meta) where
    it works, so that the meta device alone was the trouble. Raises DataDependentError where the result depends on
    values.
    """
    if sum(tensor.numel() for tensor in tensors_in([args, kwargs])) > _LARGEST_PROOF:
        raise DataDependentError("too large to be tried on the CPU")
    results = []
    for fill in (torch.zeros, torch.ones):
        real = mapped((args, kwargs), partial(_filled, fill))
        try:
            with torch.no_grad():
                results.append(func(*real[0], **real[1]))
        except NotImplementedError as error:
            raise DataDependentError(f"torch cannot run {_name(func)} on the CPU") from error
        except SHAPE_ERRORS as error:
            if _NO_MEMORY in str(error):
                raise DataDependentError("too large to be tried on the CPU") from error
            return str(error), None
    possible = mapped(results[1], lambda value: value.to("meta") if isinstance(value, torch.Tensor) else value)
    if _shapes(results[0]) != _shapes(results[1]):
        raise DataDependentError(possible=possible if next(tensors_in(possible), None) is not None else None)
    return None, possible


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", str(func))


def _filled(fill: Callable[..., torch.Tensor], value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return fill(value.shape, dtype=value.dtype, device="cpu")
    if isinstance(value, str):
        return value.replace("torch.meta.", "torch.")  # what `x.type()` says of a tensor on meta
    return torch.device("cpu") if isinstance(value, torch.device) else value


def _shapes(value: Any) -> Any:
    return mapped(value, lambda part: tuple(part.shape) if isinstance(part, torch.Tensor) else part)
