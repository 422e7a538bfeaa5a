"""The statements of a file that define something: what is run of it, and what is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Delete)


_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)


def definitions(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module that define something, with the others taken out of `if`, `try` and `with`."""
    for statement in body:
        if isinstance(statement, (*_DEFINITIONS, *_ASSIGNMENTS)) or _prepares_import(statement):
            yield statement
        elif isinstance(statement, ast.If) and not is_main_guard(statement):
            kept = ast.If(statement.test, _or_pass(statement.body), list(definitions(statement.orelse)))
            yield ast.copy_location(kept, statement)
        elif isinstance(statement, ast.Try):
            yield _without_calls(statement)
        elif isinstance(statement, ast.With):
            yield ast.copy_location(ast.With(statement.items, _or_pass(statement.body)), statement)


def is_main_guard(statement: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__":`."""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(statement.test))
    )


def _without_calls(statement: ast.Try) -> ast.Try:
    handlers = [
        ast.copy_location(ast.ExceptHandler(handler.type, handler.name, _or_pass(handler.body)), handler)
        for handler in statement.handlers
    ]
    kept = ast.Try(
        _or_pass(statement.body), handlers, list(definitions(statement.orelse)), list(definitions(statement.finalbody))
    )
    return ast.copy_location(kept, statement)


def _or_pass(body: list[ast.stmt]) -> list[ast.stmt]:
    return list(definitions(body)) or [ast.copy_location(ast.Pass(), body[0])]


def _prepares_import(statement: ast.stmt) -> bool:
    """`sys.path.append(...)`, which the imports below it need, and `raise` inside an import's `except`."""
    if isinstance(statement, ast.Raise):
        return True
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func).startswith(("sys.path.", "__all__."))
    )
