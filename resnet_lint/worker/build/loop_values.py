"""The expressions of the values that a loop takes: those that are written out, or the first one of its iterator."""

from __future__ import annotations

import ast
from collections.abc import Sequence


def values_written_out(loop: ast.For) -> Sequence[ast.expr]:
    """The values of `for size in (128, 101)`; none if they are computed."""
    values = loop.iter.elts if isinstance(loop.iter, (ast.Tuple, ast.List)) else []
    return [] if any(isinstance(value, ast.Starred) for value in values) else values


def first_value(loop: ast.For) -> ast.expr:
    """`next(iter(loader))` for `for batch in loader`."""
    iterator = ast.Call(ast.Name("iter", ast.Load()), [loop.iter], [])
    return ast.Call(ast.Name("next", ast.Load()), [iterator], [])
