"""Calls that succeed on meta and fail on the CPU: raises the error that the CPU would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from ..tensors import tensors_in
from .torch_functions import CONVOLUTIONS, TRANSPOSED

Arguments = tuple[Any, ...]


def refuse_what_meta_lets_pass(func: Any, args: Arguments, kwargs: Mapping[str, Any]) -> None:
    """Raise the error of a call whose arguments meta does not compare. Its exact text is that of the CPU, later."""
    refuses = _REFUSALS.get(func)
    if refuses is not None and refuses(args, kwargs):
        raise RuntimeError(f"{getattr(func, '__name__', func)}: the arguments do not fit together")


def refuse_empty_convolution(func: Any, result: Any) -> None:
    """Raise the error that the CPU would: in torch 2.4, a kernel larger than the input gives an empty result."""
    if func in CONVOLUTIONS and any(size < 1 for size in result.shape[2:]):
        raise RuntimeError("Kernel size can't be greater than actual input size")


def _other_channels(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """A transposed convolution of 8 channels gets 4: `F.conv_transpose2d(x, weight)`."""
    return len(args) > 1 and args[0].dim() == args[1].dim() and bool(args[0].shape[1] != args[1].shape[0])


def _integers_in_linear(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """Integers go into a layer of floats: `self.fc(F.one_hot(ids, 20))`."""
    given = [*tensors_in([args, dict(kwargs)])]
    return len(given) > 1 and given[1].is_floating_point() and not _is_inexact(given[0])


def _is_inexact(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _other_rows(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """Rows of 33 values are added to rows of 32: `out.index_add_(0, index, rows)`."""
    if len(args) != 4 or not isinstance(args[3], torch.Tensor) or args[0].dim() == 0:
        return False
    target, dim, source = args[0].shape, args[1] % args[0].dim(), args[3].shape
    return bool(target[:dim] != source[:dim] or target[dim + 1 :] != source[dim + 1 :])


def _does_not_broadcast(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """24 values are written to rows of 32: `self.bank[index] = rows`. Masks select as many as their values say."""
    target, index, value = args
    if not isinstance(value, torch.Tensor) or any(t.dtype in (torch.bool, torch.uint8) for t in tensors_in([index])):
        return False
    try:
        into = target[index].shape
    except Exception:  # the call itself fails
        return False
    its = value.shape[value.dim() - len(into) :] if value.dim() > len(into) else value.shape
    return any(size not in (1, wanted) for size, wanted in zip(reversed(its), reversed(into), strict=False))


def _no_such_dimension(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """A softmax over dimension 3 of three: `x.softmax(3)`."""
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    rank = max(args[0].dim(), 1) if args else 0
    return type(dim) is int and rank > 0 and not -rank <= dim < rank


_REFUSALS: Mapping[Callable[..., Any], Callable[[Arguments, Mapping[str, Any]], bool]] = {
    **dict.fromkeys(TRANSPOSED, _other_channels),
    F.linear: _integers_in_linear,
    **dict.fromkeys((torch.index_add, torch.Tensor.index_add, torch.Tensor.index_add_), _other_rows),
    torch.Tensor.__setitem__: _does_not_broadcast,
    **dict.fromkeys((F.softmax, torch.softmax, torch.Tensor.softmax), _no_such_dimension),
    **dict.fromkeys((F.log_softmax, torch.log_softmax, torch.Tensor.log_softmax), _no_such_dimension),
}
