"""A process that has loaded everything once, and forks for every connection to a Unix socket.

A client sends a `greeting`, one line of JSON. The fork takes over the client's working directory, environment and file
mode mask, answers with its process ID, and does its work. Clients that send anything else get no answer.

The file `PATH.lock` stays locked as long as the server runs, and contains its process ID.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from .greeting import lock_of

_MOST_BYTES = 4 << 20  # of a greeting: environments can be large
_GREETING_SECONDS = 5.0
_LOOK_SECONDS = 30.0  # between checks that the socket is still there


class ForkServer:
    """Serves connections until there were none for `idle_seconds`, or the socket is removed.

    `lock` is what `hold` has returned. In a fork, `serve` is called with the connection; the fork ends when it returns.
    """

    def __init__(
        self, path: Path, lock: int, key: str, idle_seconds: float, serve: Callable[[socket.socket], None]
    ) -> None:
        self._path = path
        self._lock = lock
        self._key = key
        self._idle_seconds = idle_seconds
        self._serve = serve
        self._forks: set[int] = set()
        self._last_used = time.monotonic()

    def run(self) -> None:
        """Serve. Raises OSError if the socket cannot be created."""
        with suppress(FileNotFoundError):
            self._path.unlink()  # of a server that was killed
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._path))
            listener.listen(64)
            listener.setblocking(False)
            own = _identity(self._path)
            try:
                self._accept(listener, own)
            finally:
                if self._has_socket(own):
                    self._path.unlink()
                os.close(self._lock)

    def _accept(self, listener: socket.socket, own: object) -> None:
        wakeup, wakeup_in = os.pipe()
        for end in (wakeup, wakeup_in):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakeup_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _do_nothing)  # without a handler, the signal does not write to the wakeup fd
        private = [listener.fileno(), self._lock, wakeup, wakeup_in]
        while self._has_socket(own) and (self._forks or self._seconds_left() > 0):
            seconds = _LOOK_SECONDS if self._forks else min(_LOOK_SECONDS, self._seconds_left())
            ready, _, _ = select.select([listener.fileno(), wakeup], [], [], seconds)
            if wakeup in ready:
                os.read(wakeup, 4096)
            self._reap()
            if listener.fileno() in ready:
                with suppress(OSError):  # the client has gone, or there is no process left for it
                    connection, _ = listener.accept()
                    with connection:
                        self._fork(connection, private)

    def _seconds_left(self) -> float:
        return self._last_used + self._idle_seconds - time.monotonic()

    def _has_socket(self, own: object) -> bool:
        try:
            return _identity(self._path) == own
        except OSError:
            return False

    def _reap(self) -> None:
        for pid in list(self._forks):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._forks.discard(pid)
                self._last_used = time.monotonic()

    def _fork(self, connection: socket.socket, private: list[int]) -> None:
        pid = os.fork()
        if pid:
            self._forks.add(pid)
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in private:
                os.close(descriptor)
            if self._takes_over(connection):
                self._serve(connection)
        finally:
            os._exit(0)  # never return into the server

    def _takes_over(self, connection: socket.socket) -> bool:
        """Take over the circumstances of the client; whether its greeting is one for this server."""
        connection.setblocking(True)
        try:
            circumstances = json.loads(_first_line(connection))
            if circumstances["key"] != self._key:
                return False
            os.chdir(circumstances["cwd"])
            os.environ.clear()
            os.environ.update(circumstances["environment"])
            os.umask(circumstances["umask"])
        except (OSError, LookupError, ValueError, TypeError, RecursionError):
            return False
        time.tzset()
        connection.sendall(b"%d\n" % os.getpid())
        return True


def _identity(path: Path) -> object:
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns  # inodes are used again


def hold(path: str) -> int | None:
    """Lock the file of the server at a socket, for as long as this process runs; None if another process has it.

    A process does this before it loads anything, so that there is never a second one. Raises OSError.
    """
    file = lock_of(path)
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == os.stat(file).st_ino:
            os.ftruncate(lock, 0)
            os.write(lock, b"%d\n" % os.getpid())
            return lock
    os.close(lock)
    return None


def _first_line(connection: socket.socket) -> bytes:
    """The greeting of a client. Raises ValueError if it is too long, and OSError if it does not come."""
    deadline = time.monotonic() + _GREETING_SECONDS
    received = bytearray()
    while not received.endswith(b"\n"):
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = connection.recv(1 << 16)
        received += chunk
        if not chunk or len(received) > _MOST_BYTES:
            raise ValueError("no greeting")
    connection.settimeout(None)
    return bytes(received)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass


def detach() -> None:
    """Make this process independent of the terminal and of the folder in which it was started."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
