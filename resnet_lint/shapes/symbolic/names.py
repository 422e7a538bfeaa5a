"""What people call the sizes of an input: N, C, H, W."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy

from .environment import Size

Names = Mapping[sympy.Basic, str]
"""What people call a symbol."""


def names_of(inputs: Iterable[Sequence[tuple[sympy.Symbol, Size]]]) -> dict[sympy.Basic, str]:
    """A name for each symbol of the inputs' axes, which come with what the trace found them to be.

    Symbols that are found equal share a name; a second H of another size is H2.
    """
    names: dict[sympy.Basic, str] = {}
    for axes in inputs:
        fixed = [isinstance(found, int) for _, found in axes]
        for letter, (symbol, found) in zip(_letters(fixed), axes, strict=True):
            same = names.get(found) if isinstance(found, sympy.Basic) else None
            names[symbol] = same or _free(letter, set(names.values()))
            if isinstance(found, sympy.Basic):
                names[found] = names[symbol]
    return names


def _letters(fixed: Sequence[bool]) -> Sequence[str]:
    """Letters for the axes of one input; which axis has the channels shows in that the model fixes it."""
    match len(fixed):
        case 0 | 1 | 2:
            return "NL" if fixed[1:] == [False] else "NC"[: len(fixed)]
        case 3 if fixed[0] and not fixed[2]:
            return "CHW"
        case 3:
            return "NCL" if fixed[1] and not fixed[2] else "NLC"
        case 4:
            return "NHWC" if fixed[3] and not fixed[1] else "NCHW"
        case 5:
            return "NTCHW" if fixed[2] and not fixed[1] else "NCTHW"
        case rank:
            return ["N", *(f"D{axis}" for axis in range(1, rank))]


def _free(letter: str, taken: set[str]) -> str:
    number = 1
    while (name := letter if number == 1 else f"{letter}{number}") in taken:
        number += 1
    return name
