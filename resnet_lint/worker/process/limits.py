"""Limits inside a child process: an alarm that interrupts the user's code, and resource limits."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from .process_clock import ProcessClock

_MOST_BYTES_IN_A_FILE = 256 << 20
_ALMOST = 0.01  # seconds; too short for another alarm

_ENTRIES = frozenset({"__enter__", "__exit__"})
_ENTRY_DEPTH = 8  # frames in which the entry of a block does its work
_LONGEST_ENTRY = 1.0  # seconds: code that hides in the entry of a block is interrupted there all the same

_has_rung = False


def has_rung() -> bool:
    """Whether a time limit was exceeded in this process; the result may differ with more time."""
    return _has_rung


class TimeUp(BaseException):
    """The time limit of a part of the user's code was exceeded.

    Not an Exception, so that `except Exception` in the user's code does not catch it.
    """


def _is_entering(frame: FrameType | None) -> bool:
    """Whether a `with` block is being entered or left, which would leave a half-entered mode on torch's stack."""
    for _ in range(_ENTRY_DEPTH):
        if frame is None:
            return False
        if frame.f_code.co_name in _ENTRIES:
            return True
        frame = frame.f_back
    return False


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp inside the with block after `seconds` of process time; an earlier outer limit is kept.

    This interrupts Python code only; the parent process ends a loop inside a C function.
    """
    clock = ProcessClock()

    def ring(number: int, frame: FrameType | None) -> None:
        global _has_rung
        left = seconds - clock.seconds
        if left > _ALMOST:  # the process had to wait for the CPU
            signal.setitimer(signal.ITIMER_REAL, left)
            return
        if left > -_LONGEST_ENTRY and _is_entering(frame):
            signal.setitimer(signal.ITIMER_REAL, _ALMOST)
            return
        _has_rung = True
        # Repeats soon, in case a bare `except:` catches it.
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
    """Limit this process to half of the machine's memory, files of a limited size, and no core dumps.

    RLIMIT_DATA (effective on Linux only) limits writable memory; unlike a limit of the address space, it allows
    libraries to reserve more. A failing allocation raises MemoryError in Python and RuntimeError in torch. If the
    machine runs out of memory anyway, the kernel kills this process first.
    """
    import resource  # not on Windows, where the Python API imports this file

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    _limit(resource.RLIMIT_DATA, memory // 2)
    _limit(resource.RLIMIT_FSIZE, _MOST_BYTES_IN_A_FILE)
    _limit(resource.RLIMIT_CORE, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit(kind: int, most: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with suppress(OSError, ValueError):  # macOS refuses some
        resource.setrlimit(kind, (most, most))
