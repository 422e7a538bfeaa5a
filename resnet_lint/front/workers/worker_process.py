"""The worker as the front sees it: a process that it starts, or the fork of one that stays for several runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from resnet_lint.shared.records.requests import Interpreter
from resnet_lint.shared.user_environment import user_environment

from ..exit import TRACEBACK_VARIABLE
from .interpreter import START

_WAIT_SECONDS = 0.002


class WorkerProcess(Protocol):
    """A worker. It exits at the end of `requests`. `is_own` is whether this process has started it."""

    is_own: bool

    @property
    def requests(self) -> IO[str]: ...

    @property
    def answers(self) -> IO[str]: ...

    def end_requests(self) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...

    def wait(self, seconds: float | None = None) -> int:
        """The exit code, 0 if it is unknown. Raises subprocess.TimeoutExpired after `seconds`."""
        ...


class StartedWorker:
    """A worker process that this process has started, with a command.

    `cwd` is its working directory, and `environment` its variables, by default those of this process.
    """

    is_own = True

    def __init__(
        self, command: Sequence[str], cwd: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=user_environment() if environment is None else environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get(TRACEBACK_VARIABLE) else subprocess.DEVNULL,
            text=True,
        )

    @property
    def requests(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def answers(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def end_requests(self) -> None:
        with suppress(BrokenPipeError):  # flushes what a dead worker did not read
            self.requests.close()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float | None = None) -> int:
        return self._process.wait(seconds)


def started(
    interpreter: Interpreter, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> WorkerProcess:
    """Start a worker."""
    return StartedWorker([interpreter.executable, str(START), "work"], cwd, environment)


class ForkedWorker:
    """A fork of a worker that stays, at the other end of a connection."""

    is_own = False

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection = connection
        self._pid = pid
        self.requests: IO[str] = connection.makefile("w", encoding="utf-8", newline="\n")
        self.answers: IO[str] = connection.makefile("r", encoding="utf-8", newline="\n")

    def end_requests(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def wait(self, seconds: float | None = None) -> int:
        deadline = time.monotonic() + (seconds or 0.0)
        while seconds is not None and self._signal(0):
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("worker", seconds)
            time.sleep(_WAIT_SECONDS)
        return 0

    def _signal(self, number: int) -> bool:
        """Send a signal to the fork; whether it is still there."""
        try:
            os.kill(self._pid, number)
        except OSError:
            return False
        return True
