"""The seconds that a process has had: wall time less what it waited for a processor.

By them a limit on time means the same on a busy machine as on a quiet one, so the load decides neither which classes a
file gets checked nor which findings it has. A process that sleeps or hangs uses its time up all the same, which seconds
of processor time would not show.
"""

from __future__ import annotations

import os
import time

# However busy the machine is, this part of the wall time counts: a limit may come late, not never.
_LEAST_SHARE = 0.75

# The user's code may replace what its own clock needs.
_open, _read, _close, _now = os.open, os.read, os.close, time.monotonic


class OwnTime:
    """A clock for a process, which starts when it is made. On other systems than Linux it shows wall time.

    `pid` is the process's number, or "self".
    """

    def __init__(self, pid: int | str = "self") -> None:
        self._pid = pid
        self._began = _now()
        self._had_waited = _waited(pid)

    @property
    def seconds(self) -> float:
        """What has gone by of the process's own time."""
        wall = _now() - self._began
        return max(wall - (_waited(self._pid) - self._had_waited), wall * _LEAST_SHARE)


def _waited(pid: int | str) -> float:
    """Seconds that the first thread of a process was ready to run and was not let.

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
