"""Substitutes for functions whose result does not matter for shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def constant(value: Any = None) -> Callable[..., Any]:
    """A new function that returns this value for any arguments; torch._dynamo requires different functions."""
    return lambda *args, **kwargs: value
