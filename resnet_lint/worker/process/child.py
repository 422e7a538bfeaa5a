"""One child process of the worker, which checks one file, as seen by its parent.

It writes its result as one line of JSON to a pipe. Because it runs the user's code, it may also exit without a result,
close the pipe, write garbage to it, or hang.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

from resnet_lint.shared.records.answers import TAMPERED, Answer, Ended
from resnet_lint.shared.wire import to_json

from .orphans import end_with_parent
from .process_clock import ProcessClock

# After its time limit, a child starts nothing new. It gets this share of the limit, or at least this long, to finish
# its last call and write its result: a lost result is worse than a late one.
_GRACE_SHARE = 0.5
_LEAST_GRACE_SECONDS = 3.0

# The user's code may replace functions that a child needs to write its result.
_as_json, _fields_of, _exit, _write_some = json.dumps, to_json, os._exit, os.write

_CHUNK = 1 << 16
_MOST_ANSWERED = 64 << 20  # bytes; a longer result was not written by resnet-lint
_MOST_PRINTED = 20_000_000

# Exit codes of a child that cannot report an error in any other way.
_LOST_PIPE = os.EX_IOERR
_CANNOT_ANSWER = os.EX_SOFTWARE
_REASONS = {_LOST_PIPE: TAMPERED, _CANNOT_ANSWER: "it breaks the interpreter that checks it"}

Json = Any


class Child:
    """A child process. Its parent reads the result from one pipe, and the output of the user's code from another."""

    def __init__(self, pid: int, answers: int, output: int, seconds: float) -> None:
        self.pid = pid
        self.pipes = (answers, output)
        self._answers = answers
        self._seconds = seconds
        self._most_seconds = seconds + max(seconds * _GRACE_SHARE, _LEAST_GRACE_SECONDS)
        self._clock = ProcessClock(pid)
        self._answered = bytearray()
        self._printed = 0
        self._exit_code: int | None = None

    def read(self, pipe: int) -> bool:
        """Read from a pipe; return False if it is closed."""
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
        """Whether the child has written its result, has exited, or has to be killed."""
        if self._has_answered() or self._printed > _MOST_PRINTED:
            return True
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self._exit_code = os.waitstatus_to_exitcode(status)
            self._drain()
        return self._exit_code is not None or self.seconds_left() <= 0

    def _drain(self) -> None:
        before = -1
        while before < len(self._answered):  # another process may keep the pipe open without writing
            before = len(self._answered)
            self.read(self._answers)

    def seconds_left(self) -> float:
        """A lower bound of the seconds until the child is out of time."""
        return max(self._most_seconds - self._clock.seconds, 0.0)

    def end(self) -> Json:
        """Kill the child and its process group; return its result as JSON, or the reason why there is none."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._exit_code is None:
            os.kill(self.pid, signal.SIGKILL)  # it may not be in its process group yet
            os.waitpid(self.pid, 0)
        for pipe in self.pipes:
            os.close(pipe)
        return self._answer() if self._has_answered() else to_json(Ended(self._end()), Answer)

    @property
    def was_killed(self) -> bool:
        """Whether a signal that was not sent by its parent ended it before its answer."""
        return self._exit_code is not None and self._exit_code < 0 and not self._has_answered()

    def _has_answered(self) -> bool:
        return self._answered.endswith(b"\n") or len(self._answered) > _MOST_ANSWERED

    def _answer(self) -> Json:
        """What the child wrote, if it is JSON; the front checks that it is an answer."""
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(self._answered)
        return to_json(Ended(TAMPERED), Answer)

    def _end(self) -> str:
        if self._printed > _MOST_PRINTED:
            return f"it prints more than {_MOST_PRINTED // 1_000_000} MB"
        if self._exit_code is None:
            return f"it is not done after {self._seconds:.0f} s; a longer --timeout may help"
        return _ended(self._exit_code)


def _ended(exit_code: int) -> str:
    how = f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return _REASONS.get(exit_code, f"it ends the interpreter ({how})")


def fork(seconds: float, answer: Callable[[], Answer], private: Iterable[int]) -> Child:
    """Fork a child that calls `answer` within `seconds`. `private` are file descriptors that the child has to close.

    Raises OSError if no process or pipe can be created.
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
            code = _write_all(answers_in, _as_json(_fields_of(answer(), Answer)).encode() + b"\n")
        finally:
            _exit(code)  # never return into the parent's code; skips the user's exit handlers and threads
    os.close(answers_in)
    os.close(output_in)
    for pipe in (answers, output):
        os.set_blocking(pipe, False)
    return Child(pid, answers, output, seconds)


def _prepare(output: int) -> None:
    """In a child: create a process group, close stdin, and redirect the output to a pipe."""
    os.setpgid(0, 0)  # killed together with its descendants, and not by Ctrl-C
    end_with_parent()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)


def _write_all(pipe: int, text: bytes) -> int:
    """Write a complete result; return the exit code."""
    left = memoryview(text)
    try:
        while left:
            left = left[_write_some(pipe, left) :]
    except OSError:
        return _LOST_PIPE
    return os.EX_OK
