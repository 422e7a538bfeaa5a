"""One child of the worker: the process that looks at one file, as its parent sees it.

It answers with one line of JSON on a pipe of its own. It may also end without one, close the pipe, write rubbish to it
or never come to an end: the user's code runs in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

# Beyond its time limit a child gets this long to hand over what it has found.
_GRACE_SECONDS = 3.0

_CHUNK = 1 << 16
_MOST_BYTES = 64 << 20  # of an answer; what is longer is not the tool's

_LOST_PIPE = os.EX_IOERR
_MEDDLED = "it closes or writes to open files that are not its own"

Answer = dict[str, Any]


class Child:
    """A child and what is known of it. `pipe` is the end that its parent reads."""

    def __init__(self, pid: int, pipe: int, seconds: float) -> None:
        self.pipe = pipe
        self._pid = pid
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds + _GRACE_SECONDS
        self._said = bytearray()
        self._exit_code: int | None = None

    def read(self) -> bool:
        """Take what is in the pipe; False when it is closed."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.pipe, _CHUNK):
                self._said += chunk
                if self._has_answered():
                    break
            return bool(chunk)
        return True

    def is_over(self) -> bool:
        """Whether the child has answered, has ended, or should have."""
        if not self._has_answered() and self._exit_code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._exit_code = os.waitstatus_to_exitcode(status)
                self.read()  # its last words
        return self._has_answered() or self._exit_code is not None or self.seconds_left() <= 0

    def seconds_left(self) -> float:
        """The seconds until the child has had its time."""
        return max(self._deadline - time.monotonic(), 0.0)

    def end(self) -> Answer:
        """Kill what is left of the child and its process group. Its answer, or `ended` with what became of it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        if self._exit_code is None:
            os.kill(self._pid, signal.SIGKILL)  # it may not have come to its group yet
            os.waitpid(self._pid, 0)
        os.close(self.pipe)
        if self._has_answered():
            return self._answer()
        if self._exit_code is None:
            return {"ended": f"it is not done after {self._seconds:.0f} s; a longer --timeout may help"}
        return {"ended": _ended(self._exit_code)}

    def _has_answered(self) -> bool:
        return self._said.endswith(b"\n") or len(self._said) > _MOST_BYTES

    def _answer(self) -> Answer:
        with contextlib.suppress(ValueError, RecursionError):
            answer = json.loads(self._said)
            if isinstance(answer, dict):
                return answer
        return {"ended": _MEDDLED}


def _ended(exit_code: int) -> str:
    if exit_code == _LOST_PIPE:
        return _MEDDLED
    how = f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return f"it ends the interpreter ({how})"


def fork(seconds: float, answer: Callable[[], Answer], private: Iterable[int]) -> Child:
    """A child that calls `answer` and has `seconds` for it. `private` are files that are open for the parent alone.

    Raises OSError where the system has no process or pipe to give.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = os.EX_SOFTWARE
        try:
            for descriptor in (ours, *private):
                os.close(descriptor)
            os.setpgid(0, 0)  # so that it is killed with all that it starts, and a Ctrl-C is not for it
            code = _write(theirs, json.dumps(answer()).encode() + b"\n")
        finally:
            os._exit(code)  # never into the parent's code; and the user's exit handlers and threads have no say
    os.close(theirs)
    os.set_blocking(ours, False)
    return Child(pid, ours, seconds)


def _write(pipe: int, text: bytes) -> int:
    """Write all of an answer; the exit code."""
    left = memoryview(text)
    try:
        while left:
            left = left[os.write(pipe, left) :]
    except OSError:
        return _LOST_PIPE
    return os.EX_OK
