"""Caches the results of torch's meta kernels.

Most of them are written in Python: a batch normalization on meta takes a millisecond, a scaled dot product two. Their
results depend only on the shapes, strides and dtypes of the tensors, and models repeat the same few calls. A cached
call returns tensors like those of the first call, many times faster.
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
    """A call whose result does not depend on the metadata of its tensors alone."""


class _Memory(TorchDispatchMode):
    """A cache below autograd, where every call consists of operators with a schema.

    Views are not cached, because they share their storage, nor is anything but plain tensors on meta.
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
        except (_NotRememberedError, TypeError):  # TypeError: symbolic sizes are not hashable
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
    """Cache calls on the meta device inside the with block."""
    with _Memory():
        yield


@cache
def _sort_of(func: Any) -> Sort:
    """What an operator returns: new tensors, its first argument modified in place, or anything else, such as a view."""
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
    """A hashable key with everything of an argument that the result can depend on."""
    if isinstance(value, torch.Tensor):
        if not _is_plain(value):
            raise _NotRememberedError
        return value.dtype, value.shape, value.stride()
    if isinstance(value, (list, tuple)):
        return tuple([_mark(part) for part in value])
    return type(value), value  # 1, 1.0 and True are equal, but give tensors of different dtypes


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether shape, strides and dtype describe a tensor completely; a complex tensor may be a lazy conjugate."""
    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter)
        and tensor.is_meta
        and tensor.layout is torch.strided
        and not tensor.is_complex()
    )


class _Shown(NamedTuple):
    """The metadata of a new tensor."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype


def _shown(result: Any) -> Any:
    """A result with its tensors replaced by their metadata, in the same lists and tuples."""
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
    """Whether a result is an input; the schema of `dropout` does not show that this is possible."""
    return not {_storage(tensor) for tensor in tensors_in(result)}.isdisjoint(map(_storage, tensors_in(args)))


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
