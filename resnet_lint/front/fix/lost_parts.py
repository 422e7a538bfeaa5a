"""Finds what an expression for a width lost: a term, or the end of a list."""

from __future__ import annotations

import libcst as cst

from . import patterns as m
from .bound_names import parameter_names, unread_names
from .source_tree import Source
from .substitute import names_in


def with_lost_part(passed: cst.BaseExpression, function: cst.FunctionDef, source: Source) -> list[str]:
    """An expression with what it may have lost: `cin // 2 + skip` for `cin // 2`, `widths[-1]` for `widths[0]`.

    A term is the only parameter that nothing reads: the channels of a skip connection that is concatenated.
    """
    found = []
    unread = unread_names(function) & parameter_names(function)
    if names_in(passed) and len(unread) == 1:
        found.append(f"{source.in_line(passed)} + {min(unread)}")
    if m.matches(passed, m.Subscript(m.Name() | m.Attribute())):
        found.append(f"{source.in_line(cst.ensure_type(passed, cst.Subscript).value)}[-1]")
    return found
