"""Divides the time limit of a file among the steps of its check."""

from __future__ import annotations

from contextlib import AbstractContextManager

from .limits import TimeUp, time_limit
from .process_clock import ProcessClock

# The share of a file's time limit for one attempt.
_ATTEMPT_SHARE = 0.4


_ALMOST = 0.01  # seconds; too short to do anything


class Clock:
    """The time limit of one file, starting when this is created; a tenth is reserved for the steps after the traces."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._clock = ProcessClock()

    @property
    def spent(self) -> float:
        return self._clock.seconds

    def left(self) -> AbstractContextManager[None]:
        """Raise TimeUp inside the with block when the time of the file is up."""
        return time_limit(self._remaining())

    def one_attempt(self, part: float = 1.0) -> AbstractContextManager[None]:
        """Raise TimeUp inside the with block when this share of the time of an attempt is up."""
        return time_limit(min(self.seconds * _ATTEMPT_SHARE * part, self._remaining()))

    def why(self, error: TimeUp) -> str:
        """What was too slow: the attempt, or the whole file."""
        return self.over if self._remaining() <= _ALMOST else str(error)

    @property
    def over(self) -> str:
        """The reason to report when the time of the file is up."""
        return f"not done within {self.seconds:.0f} s; a longer --timeout may help"

    def _remaining(self) -> float:
        return max(self.seconds * 0.9 - self.spent, _ALMOST)
