"""Calls that succeed on meta and fail on the CPU: raises the error that the CPU would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from ..tensors import tensors_in
from .proof import AUTOCAST
from .torch_functions import CHANNEL_NORMS, CONVOLUTIONS, LAST_DIMENSION_NORMS, TRANSPOSED

Arguments = tuple[Any, ...]


def refuse_what_meta_lets_pass(func: Any, args: Arguments, kwargs: Mapping[str, Any]) -> None:
    """Raise the error of a call whose arguments meta does not compare. Its exact text is that of the CPU, later."""
    if any(refuses(args, kwargs) for refuses in _REFUSALS.get(func, ())):
        raise RuntimeError(f"{getattr(func, '__name__', func)}: the arguments do not fit together")


def refuse_empty_convolution(func: Any, result: Any) -> None:
    """Raise the error that the CPU would: in torch 2.4, a kernel larger than the input gives an empty result."""
    if func in CONVOLUTIONS and any(size < 1 for size in result.shape[2:]):
        raise RuntimeError("Kernel size can't be greater than actual input size")


def _other_channels(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """A transposed convolution of 8 channels gets 4: `F.conv_transpose2d(x, weight)`."""
    return len(args) > 1 and args[0].dim() == args[1].dim() and bool(args[0].shape[1] != args[1].shape[0])


def _other_dtype(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """A float64 array is passed to a float32 layer: `self.fc(torch.from_numpy(x))`.

    Mixed float16 and float32 operands are valid under `torch.autocast`, which a caller in another file may enable.
    """
    first_two = [*tensors_in([args[:2]]), *tensors_in([dict(kwargs)])][:2]
    types = {tensor.dtype for tensor in first_two}
    return len(types) > 1 and not types <= AUTOCAST


def _wider_than_norm(args: Arguments, kwargs: Mapping[str, Any]) -> bool:
    """A float64 input of a float32 norm; lower precision is allowed."""
    given = [tensor.dtype for tensor in tensors_in([args, dict(kwargs)])]
    return torch.float64 in given[:1] and torch.float32 in given[1:]


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


_MATRIX_PRODUCTS = (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.Tensor.__rmatmul__, torch.mv)
_ADDED_ROWS = (torch.index_add, torch.Tensor.index_add, torch.Tensor.index_add_)
_SOFTMAX = (F.softmax, torch.softmax, torch.Tensor.softmax, F.log_softmax, torch.log_softmax, torch.Tensor.log_softmax)

_REFUSALS: Mapping[Callable[..., Any], tuple[Callable[[Arguments, Mapping[str, Any]], bool], ...]] = {
    **dict.fromkeys(TRANSPOSED, (_other_channels, _other_dtype)),
    **dict.fromkeys((F.linear, *CONVOLUTIONS, *_MATRIX_PRODUCTS), (_other_dtype,)),
    **dict.fromkeys((*CHANNEL_NORMS, *LAST_DIMENSION_NORMS), (_wider_than_norm,)),
    **dict.fromkeys(_ADDED_ROWS, (_other_rows,)),
    torch.Tensor.__setitem__: (_does_not_broadcast,),
    **dict.fromkeys(_SOFTMAX, (_no_such_dimension,)),
}
