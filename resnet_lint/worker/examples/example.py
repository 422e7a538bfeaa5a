"""A model and the inputs that the file offers for it, and the ways to call the one with the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..tensors import mapped, tensors_in

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""What a module is called with: by position, and by name."""


@dataclass(frozen=True)
class Example:
    """A model with its inputs: `make` gives both, and `origin` says where the file offers them.

    `label` is the source that builds the model, `uses` the class or function in it. It is `stated` where the file
    itself says that the two belong together, and not the tool by their names alone.
    """

    label: str
    origin: str
    uses: str
    make: Callable[[], tuple[nn.Module, Any]]
    stated: bool = True


def ways_to_call(module: nn.Module, inputs: Any) -> Iterator[Arguments]:
    """The arguments that inputs may stand for, the likeliest first: `(x, mask)` may be two inputs, or one pair."""
    ways: list[Arguments] = []
    if _is_call(inputs):
        ways.append((tuple(inputs[0]), dict(inputs[1])))
    if isinstance(inputs, dict) and _named_like(module, inputs):
        ways.append(((), dict(inputs)))
    if isinstance(inputs, (list, tuple)):
        ways.append((tuple(inputs), {}))
    ways.append(((inputs,), {}))
    yield from sorted(ways, key=lambda way: not _fits(module, way))


def is_arguments(value: Any) -> bool:
    """Whether a value may be what a module is called with: it holds tensors, or is a list with a dictionary."""
    return _is_call(value) or next(tensors_in(value), None) is not None


def as_call(value: Any) -> Arguments:
    """The arguments for a constructor that a value stands for: `([64], {"stride": 2})`, `(64, 2)` or `{"dim": 64}`."""
    if _is_call(value):
        return tuple(value[0]), dict(value[1])
    if isinstance(value, dict):
        return (), value
    return (tuple(value) if isinstance(value, (list, tuple)) else (value,)), {}


def to_meta(arguments: Arguments) -> Arguments:
    args, kwargs = mapped(arguments, lambda value: value.to("meta") if isinstance(value, torch.Tensor) else value)
    return args, kwargs


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and isinstance(value[0], (list, tuple))
        and isinstance(value[1], dict)
        and all(isinstance(key, str) for key in value[1])
    )


def _named_like(module: nn.Module, inputs: dict[Any, Any]) -> bool:
    return bool(inputs) and set(inputs) <= set(_signature(module).parameters)


def _fits(module: nn.Module, way: Arguments) -> bool:
    """Whether the signature of the forward takes these arguments; a list that is one argument, not spread out."""
    args, kwargs = way
    try:
        bound = _signature(module).bind(*args, **kwargs)
    except TypeError:
        return False
    spread = [p for p in _signature(module).parameters.values() if p.kind is p.VAR_POSITIONAL]
    return not (spread and len(bound.arguments.get(spread[0].name, ())) > len(args) // 2 > 0)


def _signature(module: nn.Module) -> inspect.Signature:
    try:
        return inspect.signature(module.forward)
    except (TypeError, ValueError):
        return inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])
