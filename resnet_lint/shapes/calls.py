"""Which module is running: the stack of module calls, kept by standing in front of `nn.Module.__call__`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import fx, nn

from .place import Point


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """One call of a module: where the module sits in the model, who called it, from where, and with which tensors.

    `inputs` are the graph's nodes of these tensors as they entered.
    """

    module: nn.Module
    path: str
    parent: ModuleCall | None
    caller: Point | None
    passed: frozenset[int]
    inputs: tuple[fx.Node, ...] = ()

    @property
    def is_torchs(self) -> bool:
        """Whether the module is one of torch's own layers or containers."""
        return type(self.module).__module__.startswith("torch.")

    def with_callers(self) -> Iterator[ModuleCall]:
        """This call and those around it, the innermost first."""
        call: ModuleCall | None = self
        while call is not None:
            yield call
            call = call.parent

    def relative_path(self, ancestor: ModuleCall | None) -> str:
        """The path below an enclosing call: `conv1` for `layer2.0.conv1` inside `layer2.0`."""
        prefix = f"{ancestor.path}." if ancestor is not None and ancestor.path else ""
        return self.path.removeprefix(prefix) or type(self.module).__name__


class Interceptor(Protocol):
    """Gets every module call instead of the module; `call` is what the module would have done."""

    def __call__(self, call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any: ...


_call_of_torch: Callable[..., Any] = nn.Module.__call__


@contextmanager
def intercepted(interceptor: Interceptor) -> Iterator[None]:
    """Send all module calls through `interceptor`; inside another such block, the inner one alone is in force."""

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return interceptor(_call_of_torch, module, args, kwargs)

    outer = nn.Module.__call__
    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__call__ = outer  # type: ignore[method-assign]


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors of a value, through lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)
    elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        for part in value:
            yield from tensors_in(part)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a value with every leaf changed; lists stay lists, and named tuples named tuples."""
    if isinstance(value, dict):
        return {key: mapped(part, change) for key, part in value.items()}
    if isinstance(value, tuple) and not isinstance(value, torch.Size):
        parts = [mapped(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [mapped(part, change) for part in value]
    return change(value)
