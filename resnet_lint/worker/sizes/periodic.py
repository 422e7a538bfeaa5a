"""Says for which sizes something works, exactly: `H % 4 == 0`, and in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
        if count == 1:
            return f"{name} % {period} == {first}"
        if row == set(self.remainders) and period % count == 0:
            shift = -first % count
            return (
                f"{_divided(name, count, shift)} % {period // count} == {(first + shift) // count % (period // count)}"
            )
        failing = [each for each in range(period) if each not in self.remainders]
        if len(failing) == 1:
            return f"{name} % {period} != {failing[0]}"
        return f"{name} % {period} in {self.remainders}"


def _divided(name: str, divisor: int, shift: int) -> str:
    """A size that layers have made smaller: `H//2`, `ceil(H/2)`, `(H + 1)//4`."""
    if shift == divisor - 1:
        return f"ceil({name}/{divisor})"
    return f"({name} + {shift})//{divisor}" if shift else f"{name}//{divisor}"


def condition_of(works: Callable[[int], bool], least: int) -> Condition | None:
    """The condition under which a size from `least` on works; None where the sizes that do follow no simple pattern."""
    pattern = [works(size) for size in range(least, LARGEST + 1)]
    for period in range(2, len(pattern) // 2):
        if pattern[period:] == pattern[:-period]:
            remainders = tuple(sorted((least + index) % period for index in range(period) if pattern[index]))
            return Condition(period, remainders) if 0 < len(remainders) < period else None
    return None
