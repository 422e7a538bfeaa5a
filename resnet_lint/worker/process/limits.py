"""Limits inside a child of the worker: an alarm that interrupts the user's code, and bounds on what it may take."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from .process_clock import OwnTime

_MOST_BYTES_IN_A_FILE = 256 << 20
_ALMOST = 0.01  # seconds that are not worth another alarm

_ENTRIES = frozenset({"__enter__", "__exit__"})
_ENTRY_DEPTH = 8  # frames in which the entry of a block does its work
_LONGEST_ENTRY = 1.0  # seconds: code that hides in the entry of a block is interrupted there all the same

_has_rung = False


def has_rung() -> bool:
    """Whether the time was up for anything in this process: with more of it, the result may be another."""
    return _has_rung


class TimeUp(BaseException):
    """The time for a piece of the user's code is over.

    Not an Exception, so that a user's `except Exception` does not swallow it.
    """


def _is_entering(frame: FrameType | None) -> bool:
    """Whether a `with` block is being entered or left: half of a mode on torch's stack is never taken off again."""
    for _ in range(_ENTRY_DEPTH):
        if frame is None:
            return False
        if frame.f_code.co_name in _ENTRIES:
            return True
        frame = frame.f_back
    return False


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp inside the block once `seconds` of this process's own time are over; an earlier limit stays.

    Reaches Python code only: a loop inside a C function is ended by the parent process.
    """
    clock = OwnTime()

    def ring(number: int, frame: FrameType | None) -> None:
        global _has_rung
        left = seconds - clock.seconds
        if left > _ALMOST:  # the process had to wait for its turn
            signal.setitimer(signal.ITIMER_REAL, left)
            return
        if left > -_LONGEST_ENTRY and _is_entering(frame):
            signal.setitimer(signal.ITIMER_REAL, _ALMOST)
            return
        _has_rung = True
        # Rings again soon, in case a bare `except:` catches it.
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        raise TimeUp(f"not done after {seconds:.0f} s")

    before = signal.getitimer(signal.ITIMER_REAL)[0]
    if 0 < before <= seconds:
        yield
        return
    handler = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        left = max(before - clock.seconds, 0.001) if before else 0
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left)


def limit_resources() -> None:
    """For the rest of this process: half of the machine's memory, no huge files, and no core dumps.

    Memory is what it may write to (RLIMIT_DATA, on Linux alone): unlike the address space, that leaves libraries their
    reservations. A failing allocation raises MemoryError in Python and RuntimeError in torch. Should the machine run
    out all the same, this process is the one to be killed.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    _limit(resource.RLIMIT_DATA, memory // 2)
    _limit(resource.RLIMIT_FSIZE, _MOST_BYTES_IN_A_FILE)
    _limit(resource.RLIMIT_CORE, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with suppress(OSError, ValueError):  # macOS refuses some
        resource.setrlimit(kind, (most, most))
