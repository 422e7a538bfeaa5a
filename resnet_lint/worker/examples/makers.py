"""Finds functions that create inputs, by what they call, without running them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from torch import nn

_MAKERS = frozenset(
    {
        *("randn", "rand", "randint", "randperm", "normal", "zeros", "ones", "empty", "full", "eye", "arange"),
        *("linspace", "tensor", "as_tensor", "from_numpy", "randn_like", "zeros_like", "ones_like"),
        *("FloatTensor", "LongTensor"),
    }
)
_MOST_NESTED = 4


def makes_tensors(value: Any) -> bool:
    """Whether a value is a function without required arguments that creates tensors, directly or in helpers."""
    return isinstance(value, FunctionType) and needs_nothing(value) and _calls_maker(value, _MOST_NESTED)


def needs_nothing(function: Callable[..., Any]) -> bool:
    """Whether a function or class can be called without arguments."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _calls_maker(function: FunctionType, nested: int) -> bool:
    names = set(_names_in(function.__code__))
    if names & _MAKERS:
        return True
    helpers = (function.__globals__.get(name) for name in names)
    return nested > 0 and any(
        isinstance(helper, FunctionType)
        and helper is not function
        and helper.__module__ == function.__module__
        and _calls_maker(helper, nested - 1)
        for helper in helpers
    )


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def is_module_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)
