"""How the time limit of a file is shared out among what is done with it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from .limits import TimeUp, time_limit
from .process_clock import OwnTime

# The part of a file's time that goes to one attempt.
_ATTEMPT_SHARE = 0.4


_ALMOST = 0.01  # seconds in which nothing is done


class Clock:
    """The time for one file, which starts when this is made; a tenth is left for what comes after the traces."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._clock = OwnTime()

    @property
    def spent(self) -> float:
        return self._clock.seconds

    def left(self) -> AbstractContextManager[None]:
        """Raise TimeUp inside the block once the file's time is over."""
        return time_limit(self._remaining())

    def one_attempt(self, part: float = 1.0) -> AbstractContextManager[None]:
        """Raise TimeUp inside the block once this part of an attempt's time is over."""
        return time_limit(min(self.seconds * _ATTEMPT_SHARE * part, self._remaining()))

    def why(self, error: TimeUp) -> str:
        """What was too slow: the attempt, or all that came before it in the file."""
        return self.over if self._remaining() <= _ALMOST else str(error)

    @property
    def over(self) -> str:
        """That the file's time is over, as a reason."""
        return f"not done within {self.seconds:.0f} s; a longer --timeout may help"

    def _remaining(self) -> float:
        return max(self.seconds * 0.9 - self.spent, _ALMOST)
