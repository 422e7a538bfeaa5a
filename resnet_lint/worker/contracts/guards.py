"""Conditions on sizes as quick functions of numbers: the guards of a symbolic trace, tried at many sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import sympy

from ..symbolic.axis_names import Names
from ..symbolic.print_sizes import people

_FUNCTIONS: dict[str, Any] = {"ceil": math.ceil, "max": max, "min": min}


@dataclass(frozen=True, eq=False)
class Predicate:
    """A condition as Python: its text, the names of the sizes in it, and whether it says that two things are equal."""

    text: str
    is_equation: bool
    names: frozenset[str]
    code: CodeType

    def or_one(self, names: Iterable[str]) -> Predicate:
        """The same, but for these sizes: they may also be 1."""
        text = " or ".join([self.text, *(f"{name} == 1" for name in names)])
        return Predicate(text, self.is_equation, self.names, compile(text, "<condition>", "eval"))

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds for these sizes; one that cannot be worked out, as for a division by zero, does not."""
        try:
            return bool(eval(self.code, {"__builtins__": {}}, {**_FUNCTIONS, **sizes}))
        except (ArithmeticError, NameError):
            return False


def predicates(guards: Iterable[sympy.Basic], names: Names) -> list[Predicate]:
    """The guards that say something, each once."""
    found: dict[str, Predicate] = {}
    for guard in guards:
        text = people(guard, names)
        if text not in found and guard.free_symbols <= names.keys():
            variables = frozenset(names[symbol] for symbol in guard.free_symbols)
            found[text] = Predicate(text, isinstance(guard, sympy.Eq), variables, compile(text, "<condition>", "eval"))
    return [predicate for predicate in found.values() if predicate.names]
