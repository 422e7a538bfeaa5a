"""Remote calls of torch.distributed.rpc, executed in this process, which plays every worker.

A model whose parts are on other machines is then traced as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch.distributed.rpc as rpc
from torch import nn
from torch.futures import Future

_WORKER = "worker0"


def substitutes() -> Iterator[tuple[Any, str, Any]]:
    """The owner, name and replacement of every function of torch that would need other workers."""
    if not rpc.is_available():
        return
    yield rpc.api, "_is_current_rpc_agent_set", lambda: True
    yield rpc.api, "_invoke_rpc", _invoked
    yield rpc.RRef, "__new__", lambda kind, value, *args, **kwargs: Reference(value)
    for owner in (rpc, rpc.api):
        yield owner, "remote", _remote
        yield owner, "get_worker_info", lambda worker_name=_WORKER: _Worker(worker_name)
        yield owner, "shutdown", lambda *args, **kwargs: None
    yield rpc, "init_rpc", lambda *args, **kwargs: None


@dataclass(frozen=True)
class _Worker:
    """What `rpc.get_worker_info` returns."""

    name: str
    id: int = 0


@dataclass(frozen=True, eq=False)
class Reference:
    """An `RRef` whose owner is this process."""

    value: Any

    def to_here(self, timeout: float = -1.0) -> Any:
        return self.value

    def local_value(self) -> Any:
        return self.value

    def is_owner(self) -> bool:
        return True

    confirmed_by_owner = is_owner

    def owner(self) -> _Worker:
        return _Worker(_WORKER)

    def owner_name(self) -> str:
        return _WORKER

    def rpc_sync(self, timeout: float = -1.0) -> Any:
        return self.value

    def rpc_async(self, timeout: float = -1.0) -> Any:
        return _Methods(self.value, _completed)

    def remote(self, timeout: float = -1.0) -> Any:
        return _Methods(self.value, Reference)


class _Methods:
    """The methods of a remote object, whose results are wrapped."""

    def __init__(self, value: Any, wrap: Callable[[Any], Any]) -> None:
        self._value = value
        self._wrap = wrap

    def __getattr__(self, name: str) -> Callable[..., Any]:
        calls_module = name == "forward" and isinstance(self._value, nn.Module)
        return partial(self._called, self._value if calls_module else getattr(self._value, name))

    def _called(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._wrap(method(*args, **kwargs))


def _completed(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def _invoked(
    to: Any,
    func: Callable[..., Any],
    rpc_type: Any,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    rpc_timeout: float = -1.0,
) -> Future[Any]:
    return _completed(func(*(args or ()), **(kwargs or {})))


def _remote(
    to: Any,
    func: Callable[..., Any],
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timeout: float = -1.0,
) -> Reference:
    return Reference(func(*(args or ()), **(kwargs or {})))
