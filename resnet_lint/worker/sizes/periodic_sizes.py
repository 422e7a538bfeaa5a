"""Periodic conditions: `H % 4 == 0`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# The number of sizes to evaluate; a pattern has to occur twice among them.
LARGEST = 512


@dataclass(frozen=True)
class PeriodicCondition:
    """A condition with a `period`; `remainders` are those of the sizes that work."""

    period: int
    remainders: tuple[int, ...]

    def text(self, name: str) -> str:
        """As Python: `H % 2 == 0`, `H//2 % 2 == 0`, `ceil(H/4) % 8 == 0`, `H % 8 in (1, 2, 5)`."""
        import sympy  # takes a tenth of the time of importing torch
        from torch.utils._sympy.functions import Mod

        from .print_sizes import size_text
        from .size_expressions import size_symbol, stepped

        size, period, count = size_symbol(name), self.period, len(self.remainders)
        first = next((start for start in self.remainders if (start - 1) % period not in self.remainders), 0)
        if count == 1:
            return size_text(sympy.Eq(Mod(size, period), first))
        row = {(first + index) % period for index in range(count)}
        if row == set(self.remainders) and period % count == 0:
            shift, steps = -first % count, period // count
            return size_text(sympy.Eq(Mod(stepped(size, 1, shift, count), steps), (first + shift) // count % steps))
        failing = [remainder for remainder in range(period) if remainder not in self.remainders]
        if len(failing) == 1:
            return size_text(sympy.Ne(Mod(size, period), failing[0]))
        return f"{name} % {period} in {self.remainders}"


def periodic_condition(works: Callable[[int], bool], least: int) -> PeriodicCondition | None:
    """The condition for sizes from `least` on; None if the sizes that work have no period."""
    pattern = [works(size) for size in range(least, LARGEST + 1)]
    for period in range(2, len(pattern) // 2):
        if pattern[period:] == pattern[:-period]:
            remainders = tuple(sorted((least + index) % period for index in range(period) if pattern[index]))
            return PeriodicCondition(period, remainders) if 0 < len(remainders) < period else None
    return None
