"""Expressions of sizes as people write them: `(N, 64, ceil(H/2), W//2)`."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from sympy.printing.str import StrPrinter
from torch.utils._sympy.functions import CeilToInt, FloorDiv, FloorToInt, IntTrueDiv, ToFloat, TruncToInt

from .axis_names import Names
from .symbols import Size


def people(size: Size | sympy.Basic, names: Names) -> str:
    """A size or a condition as people write it, with these names for its symbols."""
    return str(size) if isinstance(size, int) else _Printer(names).doprint(simplified(size))


def people_shape(shape: Sequence[Size], names: Names) -> tuple[str, ...]:
    """Each size of a shape as people write it."""
    return tuple(people(size, names) for size in shape)


def simplified(expression: sympy.Basic) -> sympy.Basic:
    """The same expression of positive integers, with chains of divisions drawn together.

    A layer that strides turns a size h into (h - 1)//2 + 1, and so does the next one with that:
    `((H - 1)//2)//2 + 1` becomes `(H + 3)//4`. For integers, (h//a + k)//b == (h + k*a)//(a*b).
    """
    if not expression.args:
        return expression
    expression = expression.func(*map(simplified, expression.args))
    if isinstance(expression, FloorDiv):
        return _division(*expression.args)
    if isinstance(expression, (FloorToInt, TruncToInt, CeilToInt)):
        return _rounded(expression)
    if isinstance(expression, sympy.Add):
        return _with_constant_inside(expression)
    return expression


def _division(base: sympy.Expr, divisor: sympy.Expr) -> sympy.Expr:
    if not divisor.is_Integer:
        return FloorDiv(base, divisor)
    constant, rest = base.as_coeff_Add()
    if isinstance(rest, FloorDiv) and rest.args[1].is_Integer:
        return _division(rest.args[0] + constant * rest.args[1], divisor * rest.args[1])
    whole = sum(term for term in sympy.Add.make_args(rest) if (term / divisor).is_integer)
    return whole / divisor + FloorDiv(base - whole, divisor)


def _rounded(expression: sympy.Expr) -> sympy.Expr:
    """`floor(2.0*H)`, as an interpolation by a scale gives, as a division of integers."""
    inside = expression.args[0].replace(ToFloat, lambda size: size).replace(IntTrueDiv, lambda one, other: one / other)
    factor, size = sympy.nsimplify(inside, rational=True).as_coeff_Mul()
    if not (factor.is_Rational and size.is_integer):
        return expression
    up = factor.q - 1 if isinstance(expression, CeilToInt) else 0
    return _division(factor.p * size + up, sympy.Integer(factor.q))


def _with_constant_inside(addition: sympy.Add) -> sympy.Expr:
    """`(H - 1)//2 + 1` as the one division `(H + 1)//2`; in longer sums where it makes a `ceil`."""
    constant, rest = addition.as_coeff_Add()
    terms = sympy.Add.make_args(rest)
    moved = []
    for term in terms:
        factor, division = term.as_coeff_Mul()
        if isinstance(division, FloorDiv) and division.args[1].is_Integer and constant % factor == 0:
            base, divisor = division.args
            shift = constant / factor if len(terms) == 1 else _shift_to_ceil(base, divisor)
            if shift * factor == constant or 0 < shift * factor < constant:
                constant -= shift * factor
                term = factor * FloorDiv(base + shift * divisor, divisor)
        moved.append(term)
    return sympy.Add(constant, *moved)


def _shift_to_ceil(base: sympy.Expr, divisor: sympy.Integer) -> sympy.Expr:
    """How many times the divisor has to be added to the base so that the division is a `ceil`; 0 for never."""
    missing = divisor - 1 - base.as_coeff_Add()[0]
    return missing / divisor if missing % divisor == 0 else sympy.Integer(0)


class _Printer(StrPrinter):
    """Python's operators, and `ceil`."""

    printmethod = ""  # torch's functions would write themselves

    def __init__(self, names: Names) -> None:
        super().__init__()
        self._names = names

    def _print_Symbol(self, symbol: sympy.Symbol) -> str:
        return self._names.get(symbol, symbol.name)

    def _print_Pow(self, power: sympy.Pow) -> str:
        return f"{self._factor(power.base)}**{self._factor(power.exp)}"

    def _print_FloorDiv(self, division: sympy.Expr) -> str:
        base, divisor = division.args
        constant, rest = base.as_coeff_Add()
        if divisor.is_Integer and constant == divisor - 1:
            return f"ceil({self._factor(rest)}/{divisor})"
        if divisor.is_Integer and constant != 0 and constant % divisor == 0:
            return self._print_terms([f"{self._factor(rest)}//{divisor}"], constant // divisor)
        return f"{self._factor(base)}//{self._factor(divisor)}"

    _print_CleanDiv = _print_FloorDiv

    def _print_Add(self, addition: sympy.Add, order: object = None) -> str:
        """What is subtracted comes after what is added, and the constant last: `H - W - 1`."""
        constant, rest = addition.as_coeff_Add()
        texts = [self._print(term) for term in self._in_order(sympy.Add.make_args(rest))]
        return self._print_terms(sorted(texts, key=lambda text: text.startswith("-")), constant)

    def _print_terms(self, terms: Sequence[str], constant: int) -> str:
        texts = [*terms, str(constant)] if constant != 0 else terms
        return " + ".join(texts).replace("+ -", "- ")

    def _print_Mul(self, product: sympy.Mul) -> str:
        factor, rest = product.as_coeff_Mul()
        text = "*".join(self._factor(part) for part in self._in_order(sympy.Mul.make_args(rest)))
        return {1: text, -1: f"-{text}"}.get(factor, f"{factor}*{text}")

    def _print_Mod(self, remainder: sympy.Expr) -> str:
        return f"{self._factor(remainder.args[0])} % {self._factor(remainder.args[1])}"

    _print_PythonMod = _print_Mod

    def _in_order(self, parts: Sequence[sympy.Expr]) -> list[sympy.Expr]:
        """As their symbols were named, and numbers last: `N*H*W`, `H == 224`."""
        place = {symbol: index for index, symbol in enumerate(self._names)}

        def key(part: sympy.Expr) -> list[int]:
            return sorted(place.get(symbol, len(place)) for symbol in part.free_symbols) or [len(place)]

        return sorted(parts, key=key)

    def _factor(self, expression: sympy.Basic) -> str:
        """In parentheses, where it has several parts."""
        text: str = self._print(expression)
        is_ceil = isinstance(expression, FloorDiv) and text.startswith("ceil(")
        is_one = is_ceil or expression.is_Atom or expression.is_Pow
        return text if is_one else f"({text})"

    def _print_Relational(self, relation: sympy.Rel) -> str:
        sign = {"Equality": "==", "Unequality": "!="}.get(type(relation).__name__, relation.rel_op)
        sides = self._in_order(relation.args) if sign in ("==", "!=") else relation.args
        return f" {sign} ".join(map(self._print, sides))

    def _print_And(self, condition: sympy.And) -> str:
        return " and ".join(self._clause(part) for part in condition.args)

    def _print_Or(self, condition: sympy.Or) -> str:
        return " or ".join(self._clause(part) for part in condition.args)

    def _print_BooleanAtom(self, value: sympy.Basic) -> str:
        return str(bool(value))

    _print_BooleanTrue = _print_BooleanFalse = _print_BooleanAtom

    def _print_Max(self, largest: sympy.Basic) -> str:
        return f"max({', '.join(map(self._print, largest.args))})"

    def _print_Min(self, smallest: sympy.Basic) -> str:
        return f"min({', '.join(map(self._print, smallest.args))})"

    def _print_Not(self, condition: sympy.Not) -> str:
        return f"not {self._clause(condition.args[0])}"

    def _clause(self, condition: sympy.Basic) -> str:
        text: str = self._print(condition)
        return f"({text})" if isinstance(condition, (sympy.And, sympy.Or)) else text
