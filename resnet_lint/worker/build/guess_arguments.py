"""Guesses constructor arguments that are not in the file, and improves them based on the constructor's errors."""

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
from .guess_value import (
    INPUT_CHANNELS,
    OUTPUT_CHANNELS,
    WIDTH,
    is_default_configuration,
    is_width,
    says_what,
    setting,
    value_for,
)
from .passed_on import passed_on_as

STRIDE = re.compile(r"^(stride|strides|s|downsample_stride|down_?stride)$")


@dataclass(frozen=True)
class Invented:
    """Guessed constructor arguments, as source; `...` for values that cannot be guessed.

    `varied` describes the difference from the simplest try. They are `sure` if they are channels, strides and the
    file's default configuration only: a block has to work for those, while a guessed kernel or padding may be invalid.
    `lacks_shortcut`: the shortcut, which the caller should pass, is None, so the block need not work. `switched` is the
    option that is not at its default.
    """

    kwargs: Mapping[str, str]
    varied: str | None = None
    sure: bool = True
    lacks_shortcut: bool = False
    switched: str | None = None

    @property
    def without_switch(self) -> Mapping[str, str]:
        """The arguments with all options at their defaults."""
        return {name: value for name, value in self.kwargs.items() if name != self.switched}

    def call(self, name: str) -> str:
        """The constructor call as source."""
        return f"{name}({', '.join(f'{key}={value}' for key, value in self.kwargs.items())})"

    @property
    def unknown(self) -> tuple[str, ...]:
        """The parameters whose values cannot be guessed."""
        return tuple(name for name, value in self.kwargs.items() if value == UNKNOWN)


UNKNOWN = "..."

# A parameter that is passed on as one of these may have any value; one of a linear layer may depend on others.
_OF_CONVOLUTIONS = frozenset({"in_channels", "out_channels", "stride"})
_MOST_OPTIONS = 3


@dataclass(frozen=True)
class Parameters:
    """The parameters of a constructor that matter for a residual block.

    The `required` ones have a name that says what they are, if the code has one: `in_channels` for the `i` of
    `nn.Conv2d(i, o, 3)`.
    """

    required: Mapping[str, inspect.Parameter]
    inputs: str | None
    outputs: str | None
    stride: str | None
    shortcut_from_caller: bool


def parameters_of(make: Callable[..., Any]) -> Parameters:
    """Read the signature of a constructor. Raises ValueError or TypeError if it has none."""
    named = _named(make)
    passed_on = passed_on_as(make)
    meant = {p.name: p if says_what(p.name) else p.replace(name=passed_on.get(p.name, p.name)) for p in named}
    roles = {name: p if p.name in _OF_CONVOLUTIONS else p.replace(name=name) for name, p in meant.items()}
    return Parameters(
        {name: p for name, p in meant.items() if p.default is p.empty},
        next((name for name, p in roles.items() if INPUT_CHANNELS.match(p.name)), None),
        next((name for name, p in roles.items() if OUTPUT_CHANNELS.match(p.name)), None),
        next((name for name, p in roles.items() if STRIDE.match(p.name) and _is_int(p)), None),
        any(SHORTCUT_PARAMETER.search(p.name) and p.default is None for p in named),
    )


def _named(make: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters but `*args` and `**kwargs`."""
    parameters = inspect.signature(make).parameters.values()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def required_names(make: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the required parameters; empty if there is no signature."""
    try:
        return tuple(p.name for p in _named(make) if p.default is p.empty)
    except (TypeError, ValueError):
        return ()


def parameter_names(make: Callable[..., Any]) -> frozenset[str]:
    """The names of a callable's parameters; empty if there is no signature."""
    try:
        return frozenset(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        return frozenset()


def invented(make: type[nn.Module], loaded: Loaded) -> list[Invented]:
    """Arguments to try, simplest first: equal channels with stride 1, then different channels, then stride 2.

    Without parameters for channels or stride, there is a single try.
    """
    found = parameters_of(make)
    plain = {name: value_for(parameter, loaded) or UNKNOWN for name, parameter in found.required.items()}
    has_to_work = all(
        (value.isdigit() and _has_to_vary(name, found)) or is_default_configuration(value, loaded)
        for name, value in plain.items()
    )
    sure = not found.shortcut_from_caller and has_to_work
    expansion = getattr(make, "expansion", 1)
    if isinstance(expansion, int) and expansion != 1 and found.inputs and found.outputs:
        plain[found.inputs] = str(WIDTH * expansion)
    variants: list[tuple[dict[str, str], str | None]] = [({}, None)]
    if found.inputs and found.outputs:
        variants.append(({found.outputs: str(2 * WIDTH)}, f"{found.inputs} differs from {found.outputs}"))
    if found.stride:
        variants.append(({found.stride: "2"}, f"{found.stride} is 2"))
    return [Invented({**plain, **change}, varied, sure, found.shortcut_from_caller) for change, varied in variants]


def switched(make: type[nn.Module], arguments: Invented) -> list[Invented]:
    """The arguments with one boolean option that is not at its default, such as `use_1x1conv=True`."""
    options = [p for p in inspect.signature(make).parameters.values() if isinstance(p.default, bool)]
    return [
        replace(arguments, kwargs={**arguments.kwargs, option.name: str(not option.default)}, switched=option.name)
        for option in options[:_MOST_OPTIONS]
        if option.name not in arguments.kwargs
    ]


def _has_to_vary(name: str, found: Parameters) -> bool:
    """Whether a block has to work for any value of a parameter: a width, a stride, the channels of a convolution."""
    is_convolutions = found.required[name].name in _OF_CONVOLUTIONS
    return is_width(name) or STRIDE.match(name) is not None or is_convolutions


def in_colours(make: type[nn.Module], plain: Invented) -> Invented | None:
    """Simple arguments with three input and output channels, for RGB images; None without parameters for channels."""
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
_LACKS_SETTING = re.compile(
    r"^AttributeError: '(?:_Arguments|Namespace|types\.SimpleNamespace)' object has no attribute '(\w+)'"
)
_ODD = re.compile(r"divisible|multiple of")


def repaired(arguments: Invented, error: BaseException) -> Invented | None:
    """Arguments with a correction for a constructor's error; None if the error does not determine one."""
    names = [name for name in names_at(error) if name in arguments.kwargs]
    text = error_text(error)
    if _ODD.search(text):
        wider = {name: _wider(value) for name, value in arguments.kwargs.items() if is_width(name)}
        return replace(arguments, kwargs={**arguments.kwargs, **wider}) if any(wider.values()) else None
    change: Callable[[str], str | None]
    lacks = _LACKS_SETTING.search(text)
    if lacks is not None:
        change = lambda value: _with_setting(value, lacks[1])  # noqa: E731
    elif _NO_SEQUENCE.search(text):
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
    """Arguments including those that a base class requires, if the constructor passes on `**kwargs`."""
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


def _with_setting(value: str, name: str) -> str | None:
    """Settings, such as those of a command line, with one more that the script computes from its data."""
    if not re.fullmatch(r"[\w.]+|SimpleNamespace\(.*\)", value):
        return None
    more = f"{name}={setting(name)}"
    return f"{value[:-1]}, {more})" if value.endswith(")") else f"SimpleNamespace(**vars({value}), {more})"


def _as_pair(value: str) -> str | None:
    return f"({value}, {value})" if re.fullmatch(r"[\d.]+", value) else None


def _longer(value: str, length: int | None) -> str | None:
    """A tuple of this length, or of twice its length."""
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
