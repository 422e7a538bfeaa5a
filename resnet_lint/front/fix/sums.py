"""Compares two expressions of widths as sums of multiples: `hidden` and `2 * hidden` are never equal."""

from __future__ import annotations

import ast
from collections import Counter


def never_equal(left: str, right: str) -> bool:
    """Whether two expressions differ for all positive values of their names and calls.

    >>> never_equal("hidden", "2 * hidden"), never_equal("inp", "oup"), never_equal("3", "64")
    (True, False, True)
    """
    rest = _difference(left, right)
    return bool(rest) and (min(rest) > 0 or max(rest) < 0)


def always_equal(left: str, right: str) -> bool:
    """Whether two expressions are equal for all values.

    >>> always_equal("2 * planes", "planes * 2"), always_equal("inp", "oup")
    (True, False)
    """
    return not _difference(left, right)


def drops_a_part(old: str, new: str) -> bool:
    """Whether an expression is an operand of another: a factor is forgotten rather than invented.

    >>> drops_a_part("width * 2", "width"), drops_a_part("width", "width * 2"), drops_a_part("", "width")
    (True, False, False)
    """
    try:
        whole = ast.parse(f"({old}\n)", mode="eval").body
    except SyntaxError:
        return False  # nothing is replaced
    parts = (part for node in ast.walk(whole) if isinstance(node, ast.BinOp) for part in (node.left, node.right))
    return ast.unparse(ast.parse(new, mode="eval").body) in {ast.unparse(part) for part in parts}


def _difference(left: str, right: str) -> list[int]:
    """The factors that are left of one expression minus another."""
    terms = _terms(ast.parse(left, mode="eval").body)
    terms.subtract(_terms(ast.parse(right, mode="eval").body))
    return [factor for factor in terms.values() if factor]


def _terms(node: ast.expr) -> Counter[str]:
    """The factor of every part of a sum; that of `1` is the constant."""
    match node:
        case ast.Constant(int(value)):
            return Counter({"1": value})
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            sign = 1 if isinstance(operator, ast.Add) else -1
            terms = _terms(left)
            terms.update({part: sign * factor for part, factor in _terms(right).items()})
            return terms
        case ast.BinOp(ast.Constant(int(factor)), ast.Mult(), other) | ast.BinOp(
            other, ast.Mult(), ast.Constant(int(factor))
        ):
            return Counter({part: factor * own for part, own in _terms(other).items()})
        case ast.BinOp(left, ast.Mult(), right):
            return Counter({" * ".join(sorted(_factors(left) + _factors(right))): 1})
    return Counter({ast.unparse(node): 1})


def _factors(node: ast.expr) -> list[str]:
    match node:
        case ast.BinOp(left, ast.Mult(), right):
            return _factors(left) + _factors(right)
    return [ast.unparse(node)]
