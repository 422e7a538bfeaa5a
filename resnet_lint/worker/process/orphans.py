"""Processes that a child of the worker leaves behind. On Linux alone the worker can find and end them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

# Numbers of prctl(2).
_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36

# A round ends each stray that there is; those of a fork bomb are more in the next one.
_MOST_ROUNDS = 50


def adopt_strays() -> None:
    """Become the parent of what descendants leave behind, also of what detached itself from them."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """In a child: be killed when the parent dies, however it dies."""
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def end_strays(known: Collection[int]) -> None:
    """Kill all children of this process but the known ones. Their own children become ours, so they come next."""
    for _ in range(_MOST_ROUNDS):
        strays = set(_children()) - set(known)
        if not strays:
            return
        for stray in strays:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(stray, signal.SIGKILL)
                os.waitpid(stray, 0)


def _children() -> Iterator[int]:
    for thread in Path("/proc/self/task").glob("*/children"):
        yield from map(int, thread.read_text().split())


def _prctl(what: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(what, value, 0, 0, 0)
