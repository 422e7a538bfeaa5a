"""Methods that a script calls on its models instead of forward: `net.encode(x)`, `module.training_step(batch, 0)`.

Such a call is treated as a call of the model, with the method as its forward.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType, MethodType
from typing import Any
from unittest import mock

from torch import nn

from ..load.load import Loaded
from ..tensors import tensors_in

OnMethod = Callable[[FunctionType, nn.Module, tuple[Any, ...], dict[str, Any]], Any]
"""Handles a method call with tensor arguments, and returns its result."""

# Methods that train contain calls of the model, which are traced themselves.
_TRAINS = frozenset({"backward", "zero_grad", "manual_backward", "optimizers"})


def with_forward(module: nn.Module, method: FunctionType) -> nn.Module:
    """A copy of a module with another method as its forward, sharing submodules and weights.

    The method itself gets the module, as `self(batch)` in it means the forward.
    """
    view = copy.copy(module)
    view.__dict__["forward"] = MethodType(method, module)
    return view


def entry_methods(kind: type[nn.Module], loaded: Loaded) -> dict[str, FunctionType]:
    """The public methods of a class that may serve as its forward, by name."""
    return {
        name: value
        for base in reversed(kind.__mro__)
        for name, value in vars(base).items()
        if isinstance(value, FunctionType) and _is_entry(name, value, loaded)
    }


def _is_entry(name: str, function: FunctionType, loaded: Loaded) -> bool:
    return (
        not name.startswith("_")
        and not hasattr(nn.Module, name)
        and loaded.project.owns(function.__code__)
        and not inspect.isgeneratorfunction(function)
        and _TRAINS.isdisjoint(function.__code__.co_names)
    )


@contextmanager
def methods_intercepted(loaded: Loaded, on_method: OnMethod) -> Iterator[None]:
    """Pass method calls with tensor arguments of the file's model classes to `on_method`."""
    with ExitStack() as stack:
        for kind in dict.fromkeys(_classes(loaded)):
            for name, function in entry_methods(kind, loaded).items():
                if vars(kind).get(name) is function:
                    stack.enter_context(mock.patch.object(kind, name, _passed_on(function, on_method)))
        yield


def _classes(loaded: Loaded) -> Iterator[type[nn.Module]]:
    """The model classes in the namespace of the file, and their base classes."""
    for value in list(vars(loaded.module).values()):
        if isinstance(value, type) and issubclass(value, nn.Module):
            yield from (base for base in value.__mro__ if issubclass(base, nn.Module))


def _passed_on(function: FunctionType, on_method: OnMethod) -> Callable[..., Any]:
    def method(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if next(tensors_in([args, kwargs]), None) is None:
            return function(module, *args, **kwargs)
        return on_method(function, module, args, kwargs)

    return method
