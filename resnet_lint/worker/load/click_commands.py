"""Unwraps click commands, with the arguments that they get without a command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from ..outside import OUTSIDE


@dataclass(frozen=True)
class Command:
    """A function of the script and its arguments; `invented` are guesses for required numbers."""

    function: FunctionType
    arguments: Mapping[str, Any]
    invented: frozenset[str]


def command_of(value: object) -> Command | None:
    """The function that a command calls if it is run without arguments; None for groups and other values."""
    click = sys.modules.get("click")
    if click is None or not isinstance(value, click.Command) or isinstance(value, click.Group):
        return None
    function = value.callback
    if not isinstance(function, FunctionType):
        return None
    typed: list[str] = []
    for parameter in value.params:
        typed += _typed(parameter)
    try:
        context = value.make_context(value.name, typed)
    except (Exception, SystemExit):  # a custom type rejects the guess
        return None
    numbers = {parameter.name for parameter in value.params if parameter.required and _is_number(parameter)}
    return Command(function, context.params, frozenset(numbers))


def _typed(parameter: Any) -> list[str]:
    """The words on the command line for a required parameter; empty for others."""
    if not parameter.required:
        return []
    choices = getattr(parameter.type, "choices", None)
    value = str(choices[0]) if choices else _number(parameter) if _is_number(parameter) else str(parameter.name)
    values = [value] * (parameter.nargs if parameter.nargs > 0 else 1)
    return values if parameter.param_type_name == "argument" else [parameter.opts[-1], *values]


def _is_number(parameter: Any) -> bool:
    return str(parameter.type.name).startswith(("integer", "float"))


def _number(parameter: Any) -> str:
    is_float = str(parameter.type.name).startswith("float")
    return str(0.1 * (1 + OUTSIDE.trial)) if is_float else str(OUTSIDE.number(parameter.name))
