"""Finds and kills processes that a child of the worker leaves behind; on Linux only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

# Options of prctl(2).
_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36

# Each round kills all current orphans; a fork bomb creates more of them meanwhile.
_MOST_ROUNDS = 50


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants, including daemons."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """In a child: get killed when the parent dies, for whatever reason."""
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def kill_orphans(known: Collection[int]) -> None:
    """Kill all children except the known ones. Their children are adopted, and killed in the next round."""
    for _ in range(_MOST_ROUNDS):
        orphans = set(_children()) - set(known)
        if not orphans:
            return
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)


def _children() -> Iterator[int]:
    for thread in Path("/proc/self/task").glob("*/children"):
        yield from map(int, thread.read_text().split())


def _prctl(what: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(what, value, 0, 0, 0)
