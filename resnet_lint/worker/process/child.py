"""One child of the worker: the process that looks at one file, as its parent sees it.

It answers with one line of JSON on a pipe of its own. It may also end without one, close the pipe, write rubbish to it
or never come to an end: the user's code runs in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

from .orphans import end_with_parent
from .process_clock import OwnTime

# Beyond its time limit a child begins nothing new, and gets this part of it, or this long, to end its last call and
# to hand over what it has found: an answer that is lost costs more than one that is late.
_GRACE_SHARE = 0.5
_LEAST_GRACE_SECONDS = 3.0

# The user's code may replace what a child needs for its last words.
_as_json, _exit, _write_some = json.dumps, os._exit, os.write

_CHUNK = 1 << 16
_MOST_ANSWERED = 64 << 20  # bytes; an answer that is longer is not the tool's
_MOST_PRINTED = 20_000_000

_MEDDLED = "it closes or writes to open files that are not its own"

# Exit codes of a child that has no other way to say what went wrong.
_LOST_PIPE = os.EX_IOERR
_CANNOT_ANSWER = os.EX_SOFTWARE
_SAID_BY_CODE = {_LOST_PIPE: _MEDDLED, _CANNOT_ANSWER: "it breaks the interpreter that looks at it"}

Answer = dict[str, Any]


class Child:
    """A child and what is known of it. Its parent reads the answer from one pipe, and what it prints from another."""

    def __init__(self, pid: int, answers: int, output: int, seconds: float) -> None:
        self.pid = pid
        self.pipes = (answers, output)
        self._answers = answers
        self._seconds = seconds
        self._most_seconds = seconds + max(seconds * _GRACE_SHARE, _LEAST_GRACE_SECONDS)
        self._clock = OwnTime(pid)
        self._answered = bytearray()
        self._printed = 0
        self._exit_code: int | None = None

    def read(self, pipe: int) -> bool:
        """Take what is in a pipe; False when it is closed."""
        try:
            chunk = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return True
        if pipe == self._answers:
            self._answered += chunk
        else:
            self._printed += len(chunk)
        return bool(chunk)

    def is_over(self) -> bool:
        """Whether the child has answered, has ended, or is to be ended."""
        if self._has_answered() or self._printed > _MOST_PRINTED:
            return True
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self._exit_code = os.waitstatus_to_exitcode(status)
            self._read_last_words()
        return self._exit_code is not None or self.seconds_left() <= 0

    def _read_last_words(self) -> None:
        before = -1
        while before < len(self._answered):  # another process may hold the pipe open, and say nothing
            before = len(self._answered)
            self.read(self._answers)

    def seconds_left(self) -> float:
        """The seconds, at least, until the child has had its time."""
        return max(self._most_seconds - self._clock.seconds, 0.0)

    def end(self) -> Answer:
        """Kill what is left of the child and its process group. Its answer, or `ended` with what became of it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._exit_code is None:
            os.kill(self.pid, signal.SIGKILL)  # it may not have come to its group yet
            os.waitpid(self.pid, 0)
        for pipe in self.pipes:
            os.close(pipe)
        return self._answer() if self._has_answered() else {"ended": self._end()}

    def _has_answered(self) -> bool:
        return self._answered.endswith(b"\n") or len(self._answered) > _MOST_ANSWERED

    def _answer(self) -> Answer:
        with contextlib.suppress(ValueError, RecursionError):
            answer = json.loads(self._answered)
            if isinstance(answer, dict):
                return answer
        return {"ended": _MEDDLED}

    def _end(self) -> str:
        if self._printed > _MOST_PRINTED:
            return f"it prints more than {_MOST_PRINTED // 1_000_000} MB"
        if self._exit_code is None:
            return f"it is not done after {self._seconds:.0f} s; a longer --timeout may help"
        return _ended(self._exit_code)


def _ended(exit_code: int) -> str:
    how = f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return _SAID_BY_CODE.get(exit_code, f"it ends the interpreter ({how})")


def fork(seconds: float, answer: Callable[[], Answer], private: Iterable[int]) -> Child:
    """A child that calls `answer` and has `seconds` for it. `private` are files that are open for the parent alone.

    Raises OSError where the system has no process or pipe to give.
    """
    answers, answers_in = os.pipe()
    output, output_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = _CANNOT_ANSWER
        try:
            for descriptor in (answers, output, *private):
                os.close(descriptor)
            _prepare(output_in)
            code = _write_all(answers_in, _as_json(answer()).encode() + b"\n")
        finally:
            _exit(code)  # never into the parent's code; and the user's exit handlers and threads have no say
    os.close(answers_in)
    os.close(output_in)
    for pipe in (answers, output):
        os.set_blocking(pipe, False)
    return Child(pid, answers, output, seconds)


def _prepare(output: int) -> None:
    """In a child: a group of its own, no input, and an output that is counted."""
    os.setpgid(0, 0)  # so that it is killed with all that it starts, and a Ctrl-C is not for it
    end_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)


def _write_all(pipe: int, text: bytes) -> int:
    """Write all of an answer; the exit code."""
    left = memoryview(text)
    try:
        while left:
            left = left[_write_some(pipe, left) :]
    except OSError:
        return _LOST_PIPE
    return os.EX_OK
