"""Finds the calls in a failed statement that need nothing that is lost: `model(x)` in `criterion(model(x), y)`."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Set
from functools import partial
from typing import Any

from ..load.definitions import names_read

_PLAIN = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)


def known_calls(
    statement: ast.stmt, error: BaseException, lost: Set[str], namespace: Mapping[str, Any]
) -> Iterator[ast.Call]:
    """The outermost calls whose names are all in the namespace, in order, if the statement failed for a lost name."""
    if isinstance(statement, _PLAIN) and isinstance(error, NameError) and error.name in lost:
        yield from _known(statement, namespace)


def _known(code: ast.AST, namespace: Mapping[str, Any]) -> Iterator[ast.Call]:
    for node in ast.iter_child_nodes(code):
        if isinstance(node, ast.Call) and all(map(partial(_is_known, namespace), names_read([node]))):
            yield node
        elif not isinstance(node, (ast.Lambda, ast.comprehension)):
            yield from _known(node, namespace)


def _is_known(namespace: Mapping[str, Any], name: str) -> bool:
    return name in namespace or hasattr(builtins, name)
