"""What a user's script gets from outside and nothing states: required arguments, `sys.argv[1]`, `os.environ["SIZE"]`.

A number is invented in its place. A second trial of the script gets other numbers: what fails in both trials, for
sizes that do not depend on them, fails for each number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice

_WIDTH = 64
# Tried in this order against the name of a number; no two sizes that differ in Python get the same value by chance.
_BY_NAME: Sequence[tuple[str, int]] = (
    (r"class|vocab|label|token", 10),
    (r"channel|colou?r", 3),
    (r"layer|depth|block|head|stage|epoch|iter|gpu|worker|rank", 4),
    (r"size|resolution|height|width$", 32),
)


class Outside:
    """Invents what a script gets from outside; `reads` counts how often it read such a value.

    `trial` is 0 or 1. In the second trial each number is another multiple of what it was in the first.
    """

    def __init__(self) -> None:
        self.trial = 0
        self.reads = 0
        self._factors: dict[str, int] = {}

    @contextmanager
    def second_trial(self) -> Iterator[None]:
        """Inside the block, numbers are those of the second trial."""
        self.trial = 1
        try:
            yield
        finally:
            self.trial = 0

    def read(self) -> None:
        """Note that a value was read that is invented."""
        self.reads += 1

    def number(self, name: str) -> int:
        """The number with this name, in this trial."""
        word = name.lower()
        first = next((value for pattern, value in _BY_NAME if re.search(pattern, word)), _WIDTH)
        factor = self._factors.setdefault(name, _odd_prime(len(self._factors)))
        return first * factor if self.trial else first


def _odd_prime(index: int) -> int:
    primes = (number for number in count(3, 2) if all(number % below for below in range(3, number, 2)))
    return next(islice(primes, index, None))


# One process checks one file, and what the file keeps of its command line outlives the block that read it.
OUTSIDE = Outside()
