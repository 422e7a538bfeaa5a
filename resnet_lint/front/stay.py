"""The process that keeps the tool loaded: forks for every command that is handed over to it.

`python -m resnet_lint.front.stay SOCKET KEY SECONDS`; `resnet-lint server --warm` starts it.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..shared.fork_server import ForkServer, detach, hold
from .warm.command_line import WRITES

# The command line, and what the commands import on demand.
_LOADED = (
    *(".cli", ".check.check_and_report", ".check.standard_input", ".check.watch", ".fix.apply", ".named_model"),
    *(".trace.pipeline", ".trace.report", ".workers.answer_cache", ".explain.explain_traceback"),
)
_CLIENT_IS_GONE = 143
_BROKEN_PIPE = 120


def stay(path: str, key: str, idle_seconds: float) -> None:
    """Load everything, and serve commands until none comes for `idle_seconds`; nothing if another process does."""
    lock = hold(path)
    if lock is None:
        return
    detach()
    for name in _LOADED:
        importlib.import_module(name, __package__)
    from ..rule_loader import load_rules

    load_rules()
    gc.freeze()
    ForkServer(Path(path), lock, key, idle_seconds, _serve).run()


def _serve(connection: socket.socket) -> None:
    """Run the command of a client on its streams, in a fork."""
    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while not message.endswith(b"\n"):
        more = connection.recv(1 << 16)
        if not more:
            return
        message += more
    for stream, descriptor in enumerate(descriptors):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    program, *arguments = json.loads(message)
    _use_streams(connection)
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        signal.signal(number, handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    tempfile.tempdir = None  # that of the client
    sys.argv = [program, *arguments]
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    connection.sendall(b"%d\n" % _run(program, arguments))


def _run(program: str, arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    from .cli import main

    try:
        code = main.main(arguments, prog_name=program, standalone_mode=False)
    except SystemExit as error:
        code = error.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return _BROKEN_PIPE
    return code if isinstance(code, int) else 0


def _end_with(connection: socket.socket) -> None:
    """End this process when the client has gone."""
    with suppress(OSError):
        while connection.recv(64):
            pass
    os._exit(_CLIENT_IS_GONE)


class _Noticed(io.FileIO):
    """A stream that tells the client before the first output: from then on, the command cannot be run again."""

    def __init__(self, descriptor: int, connection: socket.socket) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._connection = connection

    def write(self, data: Any) -> int:
        _tell_once(self._connection)
        return super().write(data)


_told = False


def _tell_once(connection: socket.socket) -> None:
    global _told
    if not _told:
        _told = True
        connection.sendall(WRITES)


def _use_streams(connection: socket.socket) -> None:
    """Open the standard streams again, as Python opens them when it starts."""
    stdin = io.BufferedReader(io.FileIO(0, closefd=False))
    sys.stdin = io.TextIOWrapper(stdin, sys.stdin.encoding, sys.stdin.errors)
    sys.stdout = _text(1, sys.stdout, connection)
    sys.stderr = _text(2, sys.stderr, connection)


def _text(descriptor: int, like: Any, connection: socket.socket) -> io.TextIOWrapper:
    raw = _Noticed(descriptor, connection)
    by_line = descriptor == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), like.encoding, like.errors, line_buffering=by_line)


if __name__ == "__main__":
    stay(sys.argv[1], sys.argv[2], float(sys.argv[3]))
