"""Formats sizes as Python expressions with `ceil`: `(N, 64, ceil(H/2), W//2)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy
from sympy.printing.str import StrPrinter
from torch.utils._sympy.functions import FloorDiv

from .size_expressions import Size, normal_form

Names = Mapping[sympy.Basic, str]
"""The names of symbols, in the order for sorting; other symbols keep their own names."""

_OWN_NAMES: Names = {}


def size_text(size: Size | sympy.Basic, names: Names = _OWN_NAMES) -> str:
    """A size or a condition: `ceil(H/2)`, `H % 2 == 0`."""
    return str(size) if isinstance(size, int) else _Printer(names).doprint(_for_display(normal_form(size)))


def shape_text(shape: Sequence[Size], names: Names = _OWN_NAMES) -> tuple[str, ...]:
    """The texts of the sizes in a shape."""
    return tuple(size_text(size, names) for size in shape)


def _for_display(expression: sympy.Basic) -> sympy.Basic:
    """Move constants in a normalized expression into divisions: `(H - 1)//2` for `(H + 1)//2 - 1`."""
    if not expression.args:
        return expression
    expression = expression.func(*map(_for_display, expression.args))
    return _with_constant_inside(expression) if isinstance(expression, sympy.Add) else expression


def _with_constant_inside(addition: sympy.Add) -> sympy.Expr:
    """Convert `ceil(H/2) - 1` to `(H - 1)//2`; `H//2 - 1`, and sums of more terms, do not change."""
    constant, rest = addition.as_coeff_Add()
    factor, division = rest.as_coeff_Mul()
    if not isinstance(division, FloorDiv) or not division.args[1].is_Integer or constant % factor != 0:
        return addition
    base, divisor = division.args
    has_constant = base.as_coeff_Add()[0] != 0
    return factor * FloorDiv(base + constant / factor * divisor, divisor) if has_constant else addition


class _Printer(StrPrinter):
    """Prints Python operators and `ceil`."""

    printmethod = ""  # otherwise torch's functions use their own printing methods

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
        return f"{self._factor(base)}//{self._factor(divisor)}"

    _print_CleanDiv = _print_FloorDiv

    def _print_Add(self, addition: sympy.Add, order: object = None) -> str:
        """Negative terms come after positive ones, and the constant last: `H - W - 1`."""
        constant, rest = addition.as_coeff_Add()
        texts = [self._print(term) for term in self._in_order(sympy.Add.make_args(rest))]
        texts.sort(key=lambda text: text.startswith("-"))
        return " + ".join([*texts, str(constant)] if constant != 0 else texts).replace("+ -", "- ")

    def _print_Mul(self, product: sympy.Mul) -> str:
        factor, rest = product.as_coeff_Mul()
        text = "*".join(self._factor(part) for part in self._in_order(sympy.Mul.make_args(rest)))
        return {1: text, -1: f"-{text}"}.get(factor, f"{factor}*{text}")

    def _print_Mod(self, remainder: sympy.Expr) -> str:
        base, divisor = remainder.args
        return f"{self._print(base) if isinstance(base, FloorDiv) else self._factor(base)} % {self._factor(divisor)}"

    _print_PythonMod = _print_Mod

    def _in_order(self, parts: Sequence[sympy.Expr]) -> list[sympy.Expr]:
        """Sort by the order of the names, numbers last: `N*H*W`, `H == 224`."""
        place = {symbol: index for index, symbol in enumerate(self._names)}

        def key(part: sympy.Expr) -> list[int]:
            return sorted(place.get(symbol, len(place)) for symbol in part.free_symbols) or [len(place)]

        return sorted(parts, key=key)

    def _factor(self, expression: sympy.Basic) -> str:
        """Parenthesise an expression with several parts."""
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
