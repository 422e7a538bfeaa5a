"""Compiles conditions on sizes to Python, to evaluate them at many sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import sympy

from .print_sizes import Names, size_text

_FUNCTIONS: dict[str, Any] = {"ceil": math.ceil, "max": max, "min": min}


@dataclass(frozen=True, eq=False)
class Predicate:
    """A condition as Python: its text, the names of its sizes, and whether it is an equation."""

    text: str
    is_equation: bool
    names: frozenset[str]
    code: CodeType

    def or_one(self, names: Iterable[str]) -> Predicate:
        """The same condition, or one of these sizes is 1."""
        text = " or ".join([self.text, *(f"{name} == 1" for name in names)])
        return Predicate(text, self.is_equation, self.names, compile(text, "<condition>", "eval"))

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds for these sizes; False if it cannot be evaluated, for example if it divides by zero."""
        try:
            return bool(eval(self.code, {"__builtins__": {}}, {**_FUNCTIONS, **sizes}))
        except (ArithmeticError, NameError):
            return False


def predicates(guards: Iterable[sympy.Basic], names: Names) -> list[Predicate]:
    """The guards as predicates, without duplicates, and without guards that contain no names."""
    found: dict[str, Predicate] = {}
    for guard in guards:
        text = size_text(guard, names)
        if text not in found and guard.free_symbols <= names.keys():
            variables = frozenset(names[symbol] for symbol in guard.free_symbols)
            found[text] = Predicate(text, isinstance(guard, sympy.Eq), variables, compile(text, "<condition>", "eval"))
    return [predicate for predicate in found.values() if predicate.names]
