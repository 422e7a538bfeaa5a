"""Guesses external numbers that a script requires: required arguments, `sys.argv[1]`, `os.environ["SIZE"]`.

A second trial of the script gets other numbers: a call that fails in both trials, for sizes that do not depend on
them, fails for any number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice

_WIDTH = 64
# The first pattern that matches the name gives the number; different sizes should not get the same value by chance.
_BY_NAME: Sequence[tuple[str, int]] = (
    (r"class|vocab|label|token", 10),
    (r"channel|colou?r", 3),
    (r"layer|depth|block|head|stage|epoch|iter|gpu|worker|rank", 4),
    (r"size|resolution|height|width$", 32),
)


class Outside:
    """Guesses external numbers; `reads` counts how often the script read one.

    `trial` is 0 or 1. In the second trial, every number is a different multiple of that in the first one. `last_round`
    describes the last round of a loop while the script is in it, such as "the last batch, which has 4 samples".
    """

    def __init__(self) -> None:
        self.trial = 0
        self.reads = 0
        self.last_round: str | None = None
        self._factors: dict[str, int] = {}

    @contextmanager
    def second_trial(self) -> Iterator[None]:
        """Inside the with block, use the numbers of the second trial."""
        self.trial = 1
        try:
            yield
        finally:
            self.trial = 0

    def read(self) -> None:
        """Record that a guessed value was read."""
        self.reads += 1

    def guess(self, name: str) -> int:
        """The number with this name in the current trial, which the script reads."""
        self.read()
        return self.number(name)

    def number(self, name: str) -> int:
        """The number with this name in the current trial."""
        word = name.lower()
        first = next((value for pattern, value in _BY_NAME if re.search(pattern, word)), _WIDTH)
        factor = self._factors.setdefault(name, next(islice(odd_primes(), len(self._factors), None)))
        return first * factor if self.trial else first


def odd_primes() -> Iterator[int]:
    """3, 5, 7, 11 and so on."""
    return (number for number in count(3, 2) if all(number % below for below in range(3, number, 2)))


# Global, because a process checks one file, and arguments that the file keeps outlive the block that parsed them.
OUTSIDE = Outside()
