"""Finds results that a function computes before a failing expression and never reads: what was to be passed to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .source_places import Point
from .syntax import Function, begin_of, end_of, function_of, statement_at


def unread_results(point: Point) -> list[str]:
    """The names that statements before an expression assign the results of calls to, and that nothing reads.

    `h` in `h = self.dense(x); return self.out(x)`, and in `h = self.embed(x); h = self.blocks(x)` at the second call.
    """
    function, statement = function_of(point.code), statement_at(point)
    if function is None or statement is None:
        return []
    found = (
        _result_of(part) for part in ast.walk(function) if isinstance(part, ast.Assign) and _before(part, statement)
    )
    return list(dict.fromkeys(name.id for name in found if name is not None and _is_unread(name, statement, function)))


def _before(earlier: ast.stmt, later: ast.stmt) -> bool:
    return end_of(earlier) <= begin_of(later)


def _result_of(statement: ast.Assign) -> ast.Name | None:
    """The name in `name = call(...)`."""
    match statement:
        case ast.Assign([ast.Name() as name], value) if any(isinstance(part, ast.Call) for part in ast.walk(value)):
            return name
    return None


def _is_unread(name: ast.Name, failing: ast.stmt, function: Function) -> bool:
    """Whether the value is never read, or not before the failing statement, which reassigns the name."""
    same = [node for node in _names(function) if node.id == name.id]
    reads = [node for node in same if isinstance(node.ctx, ast.Load)]
    if not reads:
        return name.id != "_"
    replaced = isinstance(failing, ast.Assign) and any(node in failing.targets for node in same)
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)]
    if not replaced or any(node in ast.walk(loop) for loop in loops for node in same):
        return False
    return not any(end_of(name) <= begin_of(node) < end_of(failing) for node in reads)


def _names(function: Function) -> Iterator[ast.Name]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Name))
