"""Intercepts module calls by replacing `nn.Module.__call__`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import nn


class Interceptor(Protocol):
    """Called for every module call, instead of the module; `call` is the original `__call__`."""

    def __call__(self, call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any: ...


_call_of_torch: Callable[..., Any] = nn.Module.__call__


@contextmanager
def intercepted(interceptor: Interceptor) -> Iterator[None]:
    """Pass all module calls inside the with block to `interceptor`; nested blocks replace the outer one."""

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return interceptor(_call_of_torch, module, args, kwargs)

    outer = nn.Module.__call__
    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__call__ = outer  # type: ignore[method-assign]
