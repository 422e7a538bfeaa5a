"""Classifies the statements of a file: definitions, and statements that only use them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)

# Calls that later definitions need: they modify the search path or an argument parser.
_PREPARES = re.compile(r"sys\.path\.\w+|__all__\.\w+|.*\.(add_argument|set_defaults)")

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def defines(statement: ast.stmt) -> bool:
    """Whether a statement is a definition, unlike loops and calls."""
    return isinstance(statement, (*DEFINITIONS, *ASSIGNMENTS, ast.Delete)) or _prepares(statement)


def is_main_guard(statement: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__":`."""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(statement.test))
    )


def without_uses(statement: ast.Try | ast.With) -> ast.stmt:
    """A `try` or `with` statement without the statements that are not definitions."""
    if isinstance(statement, ast.With):
        return ast.copy_location(ast.With(statement.items, _or_pass(statement.body)), statement)
    handlers = [
        ast.copy_location(ast.ExceptHandler(handler.type, handler.name, _or_pass(handler.body)), handler)
        for handler in statement.handlers
    ]
    kept = ast.Try(_or_pass(statement.body), handlers, list(_kept(statement.orelse)), list(_kept(statement.finalbody)))
    return ast.copy_location(kept, statement)


def _kept(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.If) and not is_main_guard(statement):
            kept = ast.If(statement.test, _or_pass(statement.body), list(_kept(statement.orelse)))
            yield ast.copy_location(kept, statement)
        elif isinstance(statement, (ast.Try, ast.With)):
            yield without_uses(statement)
        elif defines(statement):
            yield statement


def _or_pass(body: list[ast.stmt]) -> list[ast.stmt]:
    return list(_kept(body)) or [ast.copy_location(ast.Pass(), body[0])]


def _prepares(statement: ast.stmt) -> bool:
    """Whether a statement is `sys.path.append(...)`, `parser.add_argument(...)`, or a `raise` after a failed import."""
    if isinstance(statement, ast.Raise):
        return True
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and _PREPARES.fullmatch(ast.unparse(statement.value.func)) is not None
    )


def names_bound(node: ast.AST) -> frozenset[str]:
    """The names that a statement binds in its scope, including below `if`, `for` and `with`."""
    return frozenset(_bound(node))


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.ExceptHandler) and node.name is not None:
        yield node.name
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def names_read(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that some code reads, including in nested functions."""
    return frozenset(
        part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, (ast.Load, ast.Del))
    )


def changed_roots(statement: ast.stmt) -> frozenset[str]:
    """The names whose objects an assignment modifies: `model` for `model.fc = ...` and `model[0] = ...`."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    parts = [target for target in targets if isinstance(target, (ast.Attribute, ast.Subscript))]
    return frozenset(root.id for root in map(root_of, parts) if isinstance(root, ast.Name))


def names_changed(code: ast.AST) -> frozenset[str]:
    """The names that some code binds, or whose objects its assignments modify."""
    statements = (part for part in ast.walk(code) if isinstance(part, ast.stmt))
    return names_bound(code).union(*map(changed_roots, statements))


def receivers(statement: ast.stmt) -> frozenset[str]:
    """The names whose methods a statement calls, which may modify them: `layers` for `layers.append(x)`."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    roots = [root_of(call.func) for call in calls if isinstance(call.func, ast.Attribute)]
    return frozenset(root.id for root in roots if isinstance(root, ast.Name))


def root_of(expression: ast.expr) -> ast.expr:
    """The root of an expression: `model` for `model.layers[0].conv` and `model.to(device)`."""
    while True:
        match expression:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
                expression = inner
            case _:
                return expression
