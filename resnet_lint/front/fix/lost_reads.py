"""Finds parameters and variables that an edit leaves without a use: then it bypasses what the code states."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def leaves_name_unread(before: str, after: str) -> bool:
    """Whether a function no longer reads one of its names: `Conv2d(cin, cout)` for `Conv2d(cout + skip, cout)`."""
    return not set(_unread(ast.parse(after), "")) <= set(_unread(ast.parse(before), ""))


def _unread(tree: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
    """The names that no line of their function reads, with the names of the function and of those around it."""
    for node in ast.iter_child_nodes(tree):
        inside = f"{prefix}.{node.name}" if isinstance(node, ast.ClassDef | ast.FunctionDef) else prefix
        if isinstance(node, ast.FunctionDef):
            names = [part for statement in node.body for part in ast.walk(statement) if isinstance(part, ast.Name)]
            read = {name.id for name in names if isinstance(name.ctx, ast.Load)}
            parameters = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            known = [parameter.arg for parameter in parameters] + [name.id for name in names]
            yield from ((inside, name) for name in known if name not in read)
        yield from _unread(node, inside)
