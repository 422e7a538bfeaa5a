"""The expressions that a function passes for an argument of its other layers: what this one was copied from."""

from __future__ import annotations

import re

import libcst as cst
import libcst.matchers as m

from .block_ends import unique
from .call_arguments import argument_of, layer_parameters
from .users_expressions import Scope


def in_sibling_layers(argument: str, scope: Scope, line: int) -> list[str]:
    """The values of an argument of the layers that a function constructs, the nearest to a line first; no literals."""
    calls = [cst.ensure_type(found, cst.Call) for found in m.findall(scope.function, m.Call())]
    nearest = sorted(calls, key=lambda call: abs(scope.source.line_of(call) - line))
    passed = [argument_of(call, layer_parameters(call.func) or (), argument) for call in nearest]
    texts = [scope.source.in_line(given.value) for given in passed if given is not None]
    return unique(text for text in texts if not is_literal(text))


def is_literal(value: str) -> bool:
    """Whether an argument is a number, several of them, or a word such as `"same"`."""
    return re.fullmatch(r"[\d(), ]+|['\"].*", value) is not None
