"""The expressions of the values that a loop takes: those that are written out, or those of its iterator."""

from __future__ import annotations

import ast
from collections.abc import Sequence


def values_written_out(loop: ast.For) -> Sequence[ast.expr]:
    """The values of `for size in (128, 101)`; none if they are computed."""
    values = loop.iter.elts if isinstance(loop.iter, (ast.Tuple, ast.List)) else []
    return [] if any(isinstance(value, ast.Starred) for value in values) else values


def iterator_name(loop: ast.For) -> str:
    """The name that `first_value` gives to the iterator of a loop."""
    return f"_values_{loop.lineno}_{loop.col_offset}"


def first_value(loop: ast.For) -> ast.expr:
    """`next(values := iter(loader))` for `for batch in loader`."""
    iterator = ast.NamedExpr(
        ast.Name(iterator_name(loop), ast.Store()), ast.Call(ast.Name("iter", ast.Load()), [loop.iter], [])
    )
    return ast.Call(ast.Name("next", ast.Load()), [iterator], [])


def next_value(loop: ast.For) -> ast.expr:
    """`next(values)`, after `first_value`."""
    return ast.Call(ast.Name("next", ast.Load()), [ast.Name(iterator_name(loop), ast.Load())], [])
