"""Says for which sizes something works, exactly: `H % 4 == 0`, and in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy
from torch.utils._sympy.functions import Mod

from .print_sizes import size_text
from .size_expressions import size_symbol, stepped

# Sizes that are tried by arithmetic; a pattern has to show twice among them.
LARGEST = 512


@dataclass(frozen=True)
class Condition:
    """The sizes that work repeat with a `period`; `remainders` are those of the ones that work."""

    period: int
    remainders: tuple[int, ...]

    def text(self, name: str) -> str:
        """As Python: `H % 2 == 0`, `H//2 % 2 == 0`, `ceil(H/4) % 8 == 0`, `H % 8 in (1, 2, 5)`."""
        period, count = self.period, len(self.remainders)
        first = next((each for each in self.remainders if (each - 1) % period not in self.remainders), 0)
        row = {(first + index) % period for index in range(count)}
        size = size_symbol(name)
        if count == 1:
            return size_text(sympy.Eq(Mod(size, period), first))
        if row == set(self.remainders) and period % count == 0:
            shift, steps = -first % count, period // count
            return size_text(sympy.Eq(Mod(stepped(size, 1, shift, count), steps), (first + shift) // count % steps))
        failing = [each for each in range(period) if each not in self.remainders]
        if len(failing) == 1:
            return size_text(sympy.Ne(Mod(size, period), failing[0]))
        return f"{name} % {period} in {self.remainders}"


def condition_of(works: Callable[[int], bool], least: int) -> Condition | None:
    """The condition under which a size from `least` on works; None where the sizes that do follow no simple pattern."""
    pattern = [works(size) for size in range(least, LARGEST + 1)]
    for period in range(2, len(pattern) // 2):
        if pattern[period:] == pattern[:-period]:
            remainders = tuple(sorted((least + index) % period for index in range(period) if pattern[index]))
            return Condition(period, remainders) if 0 < len(remainders) < period else None
    return None
