"""The calls of functions and methods that a statement makes, and the statement with their results in their place."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from typing import TypeVar

from ..load.definitions import DEFINITIONS

_Node = TypeVar("_Node", bound=ast.AST)

# Parts of a statement that are evaluated later, repeatedly, or not at all.
_CONDITIONAL = (
    *(*DEFINITIONS, ast.Lambda, ast.IfExp, ast.BoolOp),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def calls_in(code: ast.AST) -> Iterator[ast.Call]:
    """The calls such as `evaluate(model)` in `print(evaluate(model))` that are made once, inner ones first."""
    if isinstance(code, _CONDITIONAL):
        return
    for part in ast.iter_child_nodes(code):
        yield from calls_in(part)
    if isinstance(code, ast.Call):
        yield code


def with_results(code: _Node, names: Mapping[ast.expr, str]) -> _Node:
    """A copy of some code that reads the values of expressions from these names."""
    read = {id(part): ast.copy_location(ast.Name(name, ast.Load()), part) for part, name in names.items()}
    return copy.deepcopy(code, read)
