"""Visits tensors in lists, tuples and dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in a value, including those in nested lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)
    elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        for part in value:
            yield from tensors_in(part)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a value with `change` applied to every leaf; preserves lists, tuples and named tuples."""
    if isinstance(value, dict):
        return {key: mapped(part, change) for key, part in value.items()}
    if isinstance(value, tuple) and not isinstance(value, torch.Size):
        parts = [mapped(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [mapped(part, change) for part in value]
    return change(value)


def as_meta(value: Any) -> Any:
    """A tensor on the meta device; any other value as it is."""
    return value.to("meta") if isinstance(value, torch.Tensor) else value
