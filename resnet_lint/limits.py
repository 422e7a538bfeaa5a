"""Time limits inside the worker: an alarm that interrupts the user's code where it is."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_has_rung = False


def has_rung() -> bool:
    """Whether the time was up for anything in this process: with more of it, the result may be another."""
    return _has_rung


class TimeUp(BaseException):
    """The time for a piece of the user's code is over.

    Not an Exception, so that a user's `except Exception` does not swallow it.
    """


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp inside the block once `seconds` of wall time are over; an outer limit that ends earlier stays.

    Reaches Python code only: a loop inside a C function is ended by the parent process.
    """

    def ring(number: int, frame: FrameType | None) -> None:
        global _has_rung
        _has_rung = True
        # Rings again soon, in case a bare `except:` catches it.
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        raise TimeUp(f"not done after {seconds:.0f} s")

    before, began = signal.getitimer(signal.ITIMER_REAL)[0], time.monotonic()
    if 0 < before <= seconds:
        yield
        return
    handler = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        left = max(before - (time.monotonic() - began), 0.001) if before else 0
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left)
