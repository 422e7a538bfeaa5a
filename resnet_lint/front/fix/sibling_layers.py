"""The expressions that a function passes for an argument of its other layers: what this one was copied from."""

from __future__ import annotations

import re

import libcst as cst

from . import patterns as m
from .block_ends import unique
from .call_arguments import argument_of, layer_parameters
from .substitute import names_in
from .users_expressions import Scope


def in_sibling_layers(argument: str, scope: Scope, call: cst.Call) -> list[str]:
    """The values of an argument of the layers that a function constructs, the nearest to a call first; no literals.

    A padding is only that of layers with the same kernel: `kernel_size // 2` is none for a kernel of 3. The width of a
    normalization is also what the layers take that come after it, and the input of a layer what others give.
    """
    calls = _calls_nearest_to(call, scope)
    if argument == "padding":
        kernel = _passed(call, "kernel_size", scope)
        calls = [other for other in calls if _passed(other, "kernel_size", scope) == kernel]
    texts = [_passed(other, name, scope) for name in (argument, *_TAKEN_AFTER.get(argument, ())) for other in calls]
    return unique(text for text in texts if text is not None and not is_literal(text))


_TAKEN_AFTER = {
    "normalized_shape": ("in_features",),
    "num_channels": ("in_channels", "in_features"),
    "in_features": ("normalized_shape", "out_features"),
    "in_channels": ("num_features", "num_channels", "out_channels"),
}


def in_sibling_calls(argument: str, parameters: tuple[str, ...], scope: Scope, call: cst.Call) -> list[str]:
    """What a function passes for an argument in its other calls of the same block or helper, the nearest first.

    `Unit(width, out)` is followed by another unit for the same names; numbers and constants are those of one call.
    """
    calls = _calls_nearest_to(call, scope)
    alike = [other for other in calls if other is not call and other.func.deep_equals(call.func)]
    given = [argument_of(other, parameters, argument) for other in alike]
    named = [arg.value for arg in given if arg is not None and names_in(arg.value) - {"True", "False", "None"}]
    return unique(scope.source.in_line(value) for value in named)


def _calls_nearest_to(call: cst.Call, scope: Scope) -> list[cst.Call]:
    """All calls in a function, the nearest ones first."""
    calls = [cst.ensure_type(found, cst.Call) for found in m.findall(scope.function, m.Call())]
    line = scope.source.line_of(call)
    return sorted(calls, key=lambda other: abs(scope.source.line_of(other) - line))


def _passed(call: cst.Call, argument: str, scope: Scope) -> str | None:
    """The source of an argument of a call; None if it is not passed."""
    given = argument_of(call, layer_parameters(call.func) or (), argument)
    return scope.source.in_line(given.value) if given is not None else None


def is_literal(value: str) -> bool:
    """Whether an argument is a number, several of them, or a word such as `"same"`."""
    return re.fullmatch(r"[\d(), ]+|['\"].*", value) is not None
