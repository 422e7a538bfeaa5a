"""Hands a command over to a process that has the tool loaded. Every command imports this file, so it imports little.

The process forks. The fork gets the arguments and the streams of this one, and answers with the exit code. Before that,
it says when it begins to write: until then, this process can still run the command itself.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import suppress

from resnet_lint.shared.errors import ResnetLintError, WorkerError

from . import process

OWNER = "the command line"
WRITES = b"w"

HANDED_OVER = ("check", "explain", "rules", "trace")
NOT_HANDED_OVER = ("mcp", "merge", "metrics", "report", "run", "scan", "server")
_VERBOSE = ("-v", "--verbose")
_OFF = "--no-warm"
_VARIABLES = ("RESNET_LINT_TRACEBACK", "_RESNET_LINT_COMPLETE")


def handed_over(arguments: list[str]) -> int | None:
    """The exit code of a command that another process has run; None if there is none, or it cannot be used."""
    if not os.path.lexists(process.private_folder()) or not _can_be_handed_over(arguments):
        return None
    verbose = any(word in arguments for word in _VERBOSE)
    try:
        owner, key = f"{OWNER} of {sys.executable}", process.own_key()
        found = process.connection_to(owner, key)
        if found is None:
            if verbose and process.is_outdated(owner, key):
                raise WorkerError(process.OUTDATED)
            return None
        connection, pid = found
        message = json.dumps([os.path.basename(sys.argv[0]), *arguments]).encode() + b"\n"
        socket.send_fds(connection, [message], [0, 1, 2])
    except (OSError, ResnetLintError) as error:
        if verbose:
            print(f"resnet-lint: {error}; ran the command without it", file=sys.stderr)
        return None
    with connection:
        return _exit_code(connection, pid)


def _can_be_handed_over(arguments: list[str]) -> bool:
    if (arguments[:1] and arguments[0] in NOT_HANDED_OVER) or _OFF in arguments:
        return False
    if any(os.environ.get(name) for name in _VARIABLES):
        return False
    return not (sys.warnoptions or sys._xoptions or sys.flags.optimize or sys.flags.isolated)


def _exit_code(connection: socket.socket, pid: int) -> int | None:
    received = b""
    while True:
        try:
            chunk = connection.recv(64)
        except KeyboardInterrupt:
            _interrupt(pid)
            continue
        except OSError:
            chunk = b""
        received += chunk
        if not chunk:
            break
    if received.endswith(b"\n"):
        return int(received.removeprefix(WRITES))
    if not received:
        return None
    print("resnet-lint: the process that ran this command was killed", file=sys.stderr)
    return 2


def _interrupt(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGINT)
