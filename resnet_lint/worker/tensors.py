"""Visits tensors in lists, tuples, dicts and modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn


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


def parameters_of(module: nn.Module, recurse: bool = True) -> Iterator[nn.Parameter]:
    """The parameters of a module, whose class may have a method `parameters` of its own, as in meta learning."""
    return (parameter for _, parameter in named_parameters_of(module, recurse))


def named_parameters_of(
    module: nn.Module, recurse: bool = True, remove_duplicate: bool = True
) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of a module with their paths, whatever methods its class has."""
    yield from nn.Module._named_members(
        module, lambda part: part._parameters.items(), recurse=recurse, remove_duplicate=remove_duplicate
    )
