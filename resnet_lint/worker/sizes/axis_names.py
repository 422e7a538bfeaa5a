"""The usual names of the sizes of an input: N, C, H, W."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy

from .axis_letters import axis_letters
from .print_sizes import Names
from .size_expressions import Size


@dataclass(frozen=True)
class Axis:
    """A dimension of an input: its symbol, its size in the concrete trace, and its value in the symbolic trace.

    `found` is a number that the model requires, the symbol of a size that it has to be equal to, or its own.
    """

    symbol: sympy.Symbol
    hint: int
    found: Size


def shared_names(inputs: Iterable[Sequence[Axis]]) -> dict[sympy.Basic, str]:
    """Names for all symbols; symbols that have to be equal share one, and a second H of another size is H2."""
    names: dict[sympy.Basic, str] = {}
    for letter, axis in _lettered(inputs):
        names[axis.symbol] = names.get(axis.found) or _free(letter, names)
        if isinstance(axis.found, sympy.Basic):
            names[axis.found] = names[axis.symbol]
    return names


def own_names(inputs: Iterable[Sequence[Axis]]) -> dict[sympy.Basic, str]:
    """Different names for all symbols."""
    names: dict[sympy.Basic, str] = {}
    for letter, axis in _lettered(inputs):
        names[axis.symbol] = _free(letter, names)
    return names


def _lettered(inputs: Iterable[Sequence[Axis]]) -> Iterable[tuple[str, Axis]]:
    for axes in inputs:
        yield from zip(axis_letters([isinstance(axis.found, int) for axis in axes]), axes, strict=True)


def _free(letter: str, names: Names) -> str:
    used, number = set(names.values()), 1
    while (name := letter if number == 1 else f"{letter}{number}") in used:
        number += 1
    return name
