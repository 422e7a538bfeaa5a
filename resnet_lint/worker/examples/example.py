"""A model with example inputs from the file, and the ways to call it with them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..tensors import as_meta, mapped, tensors_in

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""The positional and keyword arguments of a call."""


@dataclass(frozen=True)
class Example:
    """A model with example inputs: `make` returns both, and `origin` is their location in the file.

    `label` is the expression that constructs the model, `uses` the class or function in it. `stated`: the file itself
    pairs them, rather than resnet-lint by their names.
    """

    label: str
    origin: str
    uses: str
    make: Callable[[], tuple[nn.Module, Any]]
    stated: bool = True


def ways_to_call(module: nn.Module, inputs: Any) -> Iterator[Arguments]:
    """The possible arguments for some inputs, likeliest first: `(x, mask)` may be two inputs, or one pair."""
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
    """Whether a value may be the arguments of a call: it contains tensors, or is a list with a dict."""
    return _is_call(value) or next(tensors_in(value), None) is not None


def as_call(value: Any) -> Arguments:
    """Interpret a value as constructor arguments: `([64], {"stride": 2})`, `(64, 2)` or `{"dim": 64}`."""
    if _is_call(value):
        return tuple(value[0]), dict(value[1])
    if isinstance(value, dict):
        return (), value
    return (tuple(value) if isinstance(value, (list, tuple)) else (value,)), {}


def to_meta(arguments: Arguments) -> Arguments:
    args, kwargs = mapped(arguments, as_meta)
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
    """Whether the signature of forward accepts these arguments, without spreading a list that is one argument."""
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
