"""The names under which a constructor passes its parameters on: `i` as `in_channels` in `nn.Conv2d(i, o, 3)`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from resnet_lint.graph.syntax import function_of


def passed_on_as(make: Callable[..., Any]) -> dict[str, str]:
    """For each parameter that is an argument of a class or function, the name of the parameter that first takes it.

    Only plain arguments count, not expressions such as `2 * i`. Empty for inherited constructors, and for callables
    that are not written in Python.
    """
    constructor: Any = vars(make).get("__init__") if isinstance(make, type) else make
    function = function_of(constructor.__code__) if inspect.isfunction(constructor) else None
    found: dict[str, str] = {}
    for call in sorted(_calls_in(function), key=lambda call: (call.lineno, call.col_offset)):
        for name, argument in _arguments(call, constructor.__globals__):
            if isinstance(argument, ast.Name) and name.isidentifier():
                found.setdefault(argument.id, name)
    return found


def _calls_in(function: ast.AST | None) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call)] if function is not None else []


def _arguments(call: ast.Call, namespace: Mapping[str, Any]) -> Iterator[tuple[str, ast.expr]]:
    yield from ((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg is not None)
    if not any(isinstance(argument, ast.Starred) for argument in call.args):
        yield from zip(_positional(call.func, namespace), call.args, strict=False)


def _positional(callee: ast.expr, namespace: Mapping[str, Any]) -> list[str]:
    """The positional parameters of a callee that a module names, such as `nn.Conv2d`; empty for others."""
    try:
        names = ast.unparse(callee).split(".")
        value = namespace[names[0]]
        for name in names[1:]:
            value = inspect.getattr_static(value, name)
        parameters = inspect.signature(value).parameters.values()
    except (KeyError, AttributeError, TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
