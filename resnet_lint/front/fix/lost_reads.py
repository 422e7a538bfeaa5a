"""Finds parameters and variables that an edit leaves without a use: then it bypasses what the code states."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator


def leaves_name_unread(before: str, after: str) -> bool:
    """Whether a function no longer reads one of its names: `Conv2d(cin, cout)` for `Conv2d(cout + skip, cout)`.

    Nor may the file read a setting no longer: `Linear(config.width, n)` for `Linear(config.hidden, n)`.
    """
    old, new = ast.parse(before), ast.parse(after)
    return not set(_unread(new, "")) <= set(_unread(old, "")) or not _settings(old) <= _settings(new)


def _settings(tree: ast.AST) -> set[str]:
    """The attributes that a file reads of objects: `hidden` in `config.hidden` and `self.config.hidden`."""
    read = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load))
    return {node.attr for node in read if _SETTINGS.fullmatch(ast.unparse(node.value))}


_SETTINGS = re.compile(r"(self\.)?_?(\w*(config|cfg|conf|args|opts?|params|settings?|hparams|hp|c))")


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
