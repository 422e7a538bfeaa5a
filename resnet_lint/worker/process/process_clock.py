"""Measures the time of a process: wall time minus the time it waited for a CPU.

This makes time limits independent of the load of the machine, so that the load does not decide which classes are
checked and which findings are reported. Unlike CPU time, it also counts the time of a process that sleeps or hangs.
"""

from __future__ import annotations

import os
import time

# At least this share of the wall time counts, so that a limit is always reached.
_LEAST_SHARE = 0.75

# The user's code may replace these functions.
_open, _read, _close, _now = os.open, os.read, os.close, time.monotonic


class ProcessClock:
    """The time of a process since this was created; wall time on systems other than Linux.

    `pid` is the id of the process, or "self".
    """

    def __init__(self, pid: int | str = "self") -> None:
        self._pid = pid
        self._began = _now()
        self._had_waited = _waited(pid)

    @property
    def seconds(self) -> float:
        """The elapsed time of the process."""
        wall = _now() - self._began
        return max(wall - (_waited(self._pid) - self._had_waited), wall * _LEAST_SHARE)


def _waited(pid: int | str) -> float:
    """The seconds that the main thread of a process was runnable but not running.

    The second field of its schedstat: https://docs.kernel.org/scheduler/sched-stats.html
    """
    try:
        file = _open(f"/proc/{pid}/schedstat", os.O_RDONLY)
        try:
            return int(_read(file, 100).split()[1]) / 1e9
        finally:
            _close(file)
    except (OSError, IndexError, ValueError):
        return 0.0
