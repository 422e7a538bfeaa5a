"""Invents constructor arguments where the file gives none, and better ones by what the constructor says to them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.vocabulary import SHORTCUT_PARAMETER

from ..load.load import Loaded
from ..names_at import names_at
from .guess_value import INPUT_CHANNELS, OUTPUT_CHANNELS, WIDTH, is_width, value_for

STRIDE = re.compile(r"^(stride|strides|s|downsample_stride|down_?stride)$")


@dataclass(frozen=True)
class Invented:
    """Arguments for a constructor that nobody wrote down, each as source; a value nobody can guess is `...`.

    `varied` says in words what differs from the plain try. They are `sure` where they are channels and strides alone: a
    block has to work for those, while an invented kernel or padding may simply be one that does not fit. With
    `lacks_shortcut` the block gets None for a shortcut that is its caller's to give, and need not work without.
    """

    kwargs: Mapping[str, str]
    varied: str | None = None
    sure: bool = True
    lacks_shortcut: bool = False

    def call(self, name: str) -> str:
        """The call as source."""
        return f"{name}({', '.join(f'{key}={value}' for key, value in self.kwargs.items())})"

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names of the parameters whose values nobody can guess."""
        return tuple(name for name, value in self.kwargs.items() if value == UNKNOWN)


UNKNOWN = "..."


@dataclass(frozen=True)
class Parameters:
    """The parameters of a constructor that matter for a residual block."""

    required: tuple[inspect.Parameter, ...]
    inputs: str | None
    outputs: str | None
    stride: str | None
    shortcut_from_caller: bool


def parameters_of(make: Callable[..., Any]) -> Parameters:
    """Read a constructor's signature. Raises ValueError or TypeError where Python has none for it."""
    named = [p for p in inspect.signature(make).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return Parameters(
        tuple(p for p in named if p.default is p.empty),
        next((p.name for p in named if INPUT_CHANNELS.match(p.name)), None),
        next((p.name for p in named if OUTPUT_CHANNELS.match(p.name)), None),
        next((p.name for p in named if STRIDE.match(p.name) and _is_int(p)), None),
        any(SHORTCUT_PARAMETER.search(p.name) and p.default is None for p in named),
    )


def required_names(make: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters that need a value; none where Python has no signature for it."""
    try:
        return tuple(parameter.name for parameter in parameters_of(make).required)
    except (TypeError, ValueError):
        return ()


def parameter_names(make: Callable[..., Any]) -> frozenset[str]:
    """The names of a callable's parameters; none where Python has no signature for it."""
    try:
        return frozenset(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        return frozenset()


def invented(make: type[nn.Module], loaded: Loaded) -> list[Invented]:
    """Arguments to try, the plainest first: equal channels at stride 1, then other channels, then stride 2.

    Without channels or stride among the parameters, there is one try.
    """
    found = parameters_of(make)
    plain = {parameter.name: value_for(parameter, loaded) or UNKNOWN for parameter in found.required}
    sure = not found.shortcut_from_caller and all(is_width(name) or STRIDE.match(name) for name in plain)
    expansion = getattr(make, "expansion", 1)
    if isinstance(expansion, int) and expansion != 1 and found.inputs and found.outputs:
        plain[found.inputs] = str(WIDTH * expansion)
    variants: list[tuple[dict[str, str], str | None]] = [({}, None)]
    if found.inputs and found.outputs:
        variants.append(({found.outputs: str(2 * WIDTH)}, f"{found.inputs} differs from {found.outputs}"))
    if found.stride:
        variants.append(({found.stride: "2"}, f"{found.stride} is 2"))
    return [Invented({**plain, **change}, varied, sure, found.shortcut_from_caller) for change, varied in variants]


def in_colours(make: type[nn.Module], plain: Invented) -> Invented | None:
    """Plain arguments with three channels in and out, as pictures have; None where nobody asks for channels."""
    found = parameters_of(make)
    names = [name for name in (found.inputs, found.outputs) if name in plain.kwargs]
    colours = {name: "3" for name in names if name is not None}
    return replace(plain, kwargs={**plain.kwargs, **colours}, varied=f"{names[0]} is 3") if colours else None


_NO_SEQUENCE = re.compile(
    r"'(int|float)' object is not (subscriptable|iterable)|object of type '(int|float)' has no len"
    r"|cannot unpack non-iterable (int|float)|argument of type '(int|float)' is not iterable"
)
_TOO_FEW = re.compile(r"not enough values to unpack \(expected (\d+)|index out of range")
_NO_MODULE = re.compile(r"'?(int|float|str|tuple)'? (object is not callable|is not a Module subclass)")
_ODD = re.compile(r"divisible|multiple of")


def repaired(arguments: Invented, error: BaseException) -> Invented | None:
    """Arguments without the one that a constructor's error is about; None where it does not say which, or how."""
    names = [name for name in names_at(error) if name in arguments.kwargs]
    text = error_text(error)
    if _ODD.search(text):
        wider = {name: _wider(value) for name, value in arguments.kwargs.items() if is_width(name)}
        return replace(arguments, kwargs={**arguments.kwargs, **wider}) if any(wider.values()) else None
    change: Callable[[str], str | None]
    if _NO_SEQUENCE.search(text):
        change = _as_pair
    elif (few := _TOO_FEW.search(text)) is not None:
        change = lambda value: _longer(value, int(few[1]) if few[1] else None)  # noqa: E731
    elif _NO_MODULE.search(text):
        change = _as_module
    else:
        return None
    for name in names:
        value = change(arguments.kwargs[name])
        if value is not None:
            return replace(arguments, kwargs={**arguments.kwargs, name: value}, sure=False)
    return None


_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")


def handed_on(arguments: Invented, error: BaseException, make: type[nn.Module], loaded: Loaded) -> Invented | None:
    """Arguments with those that a base class wants, where the constructor has a `**kwargs` that it hands on."""
    match = _MISSING.search(error_text(error))
    kinds = {parameter.kind for parameter in inspect.signature(make).parameters.values()}
    if match is None or inspect.Parameter.VAR_KEYWORD not in kinds:
        return None
    known = {
        parameter.name: parameter
        for base in reversed(make.__mro__)
        if issubclass(base, nn.Module)
        for parameter in inspect.signature(base).parameters.values()
    }
    wanted = [name for name in re.findall(r"'(\w+)'", match[1]) if name in known and name not in arguments.kwargs]
    added = {name: value_for(known[name], loaded) or UNKNOWN for name in wanted}
    return replace(arguments, kwargs={**arguments.kwargs, **added}, sure=False) if added else None


def _as_pair(value: str) -> str | None:
    return f"({value}, {value})" if re.fullmatch(r"[\d.]+", value) else None


def _longer(value: str, length: int | None) -> str | None:
    """A tuple of that many elements, or of twice as many."""
    parts = value.strip("()").split(", ")
    if not value.startswith("(") or len(parts) > 8 or len(parts) == length:
        return None
    return f"({', '.join([parts[0]] * (length or 2 * len(parts)))})"


def _as_module(value: str) -> str | None:
    if value.startswith("("):
        return "[nn.Identity(), nn.Identity()]"
    return "nn.Identity()" if re.fullmatch(r"[\d.]+|\".*\"", value) else None


def _wider(value: str) -> str:
    return str(4 * int(value)) if value.isdigit() and int(value) <= 2 * WIDTH else value


def _is_int(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty or isinstance(parameter.default, int)
