"""Sizes as integer expressions, `ceil(H/2)`, in a normal form in which equivalent expressions are equal.

Convolution, pooling, slicing and resizing all compute `(factor * size + shift) // divisor`. Two such steps can often be
combined, because `(h//a + k)//b == (h + k*a)//(a*b)`; otherwise they remain nested. In normal form, the numerator and
denominator of a division have no common factor, and multiples of the denominator are outside of the division.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import sympy
from torch.utils._sympy.functions import CeilToInt, FloorDiv, FloorToInt, IntTrueDiv, ToFloat, TruncToInt

Size: TypeAlias = "int | sympy.Expr"
"""A size: a number, or an expression of symbols."""


def size_symbol(name: str) -> sympy.Symbol:
    """The symbol of a size of this name: a positive integer."""
    return sympy.Symbol(name, integer=True, positive=True)


def stepped(size: sympy.Expr, factor: int = 1, shift: int = 0, divisor: int = 1) -> sympy.Expr:
    """`(factor * size + shift) // divisor`; `size` and the result are in normal form."""
    return _divided(factor * size + shift, sympy.Integer(divisor))


def normal_form(expression: sympy.Basic) -> sympy.Basic:
    """Convert a size or condition to normal form."""
    if not expression.args:
        return expression
    args = map(normal_form, expression.args)
    if isinstance(expression, FloorDiv):
        return _divided(*args)
    expression = expression.func(*args)
    return _rounded(expression) if isinstance(expression, (FloorToInt, TruncToInt, CeilToInt)) else expression


def _divided(base: sympy.Expr, divisor: sympy.Expr) -> sympy.Expr:
    if not divisor.is_Integer:
        return FloorDiv(base, divisor)
    constant, rest = base.as_coeff_Add()
    if isinstance(rest, FloorDiv) and rest.args[1].is_Integer:
        return _divided(rest.args[0] + constant * rest.args[1], divisor * rest.args[1])
    common = _common_factor(rest, divisor)
    if common != 1:
        return _divided(rest / common + constant // common, divisor / common)
    whole = sympy.Add(*(term for term in sympy.Add.make_args(rest) if (term / divisor).is_integer))
    whole += constant // divisor * divisor
    return whole / divisor + FloorDiv(base - whole, divisor)


def _common_factor(terms: sympy.Expr, divisor: sympy.Integer) -> int:
    factors = [term.as_coeff_Mul()[0] for term in sympy.Add.make_args(terms)]
    return math.gcd(int(divisor), *map(int, factors)) if all(factor.is_Integer for factor in factors) else 1


def _rounded(expression: sympy.Expr) -> sympy.Expr:
    """Convert `floor(2.0*H)`, from an interpolation by a factor, to an integer division."""
    inside = expression.args[0].replace(ToFloat, lambda size: size).replace(IntTrueDiv, lambda one, other: one / other)
    factor, size = sympy.nsimplify(inside, rational=True).as_coeff_Mul()
    if not (factor.is_Rational and size.is_integer):
        return expression
    up = factor.q - 1 if isinstance(expression, CeilToInt) else 0
    return _divided(factor.p * size + up, sympy.Integer(factor.q))
