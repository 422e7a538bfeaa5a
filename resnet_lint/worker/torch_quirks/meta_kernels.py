"""Remembers what torch's meta kernels gave, and gives the same for the same call.

Most of them are written in Python: a batch normalisation on meta costs a millisecond, a scaled dot product two, at
every call anew. Their results follow from the shapes, strides and types of the tensors alone, and models repeat the
same few calls. So a call like an earlier one gets tensors like those that the earlier one gave, many times faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Literal, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..tensors import tensors_in

Sort = Literal["new", "in place", "other"]


class _NotRememberedError(Exception):
    """A call whose result does not follow from what a meta tensor shows."""


class _Memory(TorchDispatchMode):
    """Stands below autograd, where each call of torch has come down to operators with a schema.

    Views are left to torch, as they share their storage, and so is everything that is not a plain tensor on meta.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._results: dict[Any, Any] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        sort = _sort_of(func)
        if sort == "other":
            return func(*args, **named)
        try:
            key = (func, torch.get_default_dtype(), _mark(args), _mark(tuple(named.items())) if named else None)
            known = self._results.get(key)
        except (_NotRememberedError, TypeError):  # TypeError: of a symbolic size, there is no hash
            return func(*args, **named)
        if known is not None:
            return args[0] if sort == "in place" else _made(known)
        result = func(*args, **named)
        with suppress(_NotRememberedError):
            shown = _shown(result)
            if sort == "in place" or not _shares_storage(result, args):
                self._results[key] = shown
        return result


@contextmanager
def remembered_kernels() -> Iterator[None]:
    """Remember inside the block what calls on the meta device give."""
    with _Memory():
        yield


@cache
def _sort_of(func: Any) -> Sort:
    """What an operator gives: new tensors, its first argument changed in place, or anything else, such as a view."""
    schema = func._schema
    if not any("Tensor" in str(argument.type) for argument in schema.arguments):
        return "other"
    returned = [result.alias_info for result in schema.returns]
    if returned and not any(returned):
        return "new"
    first = schema.arguments[0].alias_info if schema.arguments else None
    in_place = schema.name.endswith("_") and first is not None and first.is_write and len(returned) == 1
    return "in place" if in_place and torch.Tag.inplace_view not in func.tags else "other"


def _mark(value: Any) -> Any:
    """All of an argument that the result can depend on."""
    if isinstance(value, torch.Tensor):
        if not _is_plain(value):
            raise _NotRememberedError
        return value.dtype, value.shape, value.stride()
    if isinstance(value, (list, tuple)):
        return tuple([_mark(part) for part in value])
    return type(value), value  # 1, 1.0 and True are equal, and give other types of tensor


def _is_plain(tensor: torch.Tensor) -> bool:
    """A complex tensor may be a conjugate, which neither shape nor strides show."""
    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter)
        and tensor.is_meta
        and tensor.layout is torch.strided
        and not tensor.is_complex()
    )


class _Shown(NamedTuple):
    """What a new tensor looks like."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype


def _shown(result: Any) -> Any:
    """The tensors of a result as Shown, in the same lists and tuples."""
    if isinstance(result, torch.Tensor) and _is_plain(result):
        return _Shown(result.shape, result.stride(), result.dtype)
    if isinstance(result, (list, tuple)):
        return type(result)([_shown(part) for part in result])
    raise _NotRememberedError


def _made(shown: Any) -> Any:
    if isinstance(shown, _Shown):
        return torch.empty_strided(shown.shape, shown.stride, dtype=shown.dtype, device="meta")
    return type(shown)([_made(part) for part in shown])


def _shares_storage(result: Any, args: Any) -> bool:
    """Whether some tensor is handed on as it came in: the schema of `dropout` does not say that it may be."""
    return not {_storage(tensor) for tensor in tensors_in(result)}.isdisjoint(map(_storage, tensors_in(args)))


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
