"""Finds, starts and stops the processes of this user that stay between runs.

Their sockets are in a private folder. The name of a socket contains a digest of all that its process depends on when it
starts. If any of it changes, the socket is not found. Every command line imports this file, so it imports little.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from resnet_lint.shared.errors import UsageError, WorkerError
from resnet_lint.shared.greeting import greeting, lock_of

from ..workers.stamps import packages, sources, stamp

if TYPE_CHECKING:
    import subprocess

OUTDATED = "the warm process was started with other versions, packages, variables or limits"
IDLE_SECONDS = 30 * 60.0
_ANSWER_SECONDS = 3.0  # starting a worker takes about as long
_START_SECONDS = 120.0
_END_SECONDS = 10.0
_LONGEST_PATH = 100  # bytes: of the address of a socket; 104 on macOS, 108 on Linux

# Variables that Python, torch and their C libraries read when they start. All others are passed on to the fork.
_READ_AT_START = (
    *("PYTHON", "LD_", "DYLD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "GOMP_", "OMP_", "KMP_", "MKL_", "OPENBLAS_"),
    *("TORCH", "PYTORCH_", "ATEN_", "CUDA", "NVIDIA_", "NCCL_", "GLOO_", "HIP_", "ROCR_", "HSA_", "TRITON_", "XLA_"),
    *("SYMPY_", "MPMATH_"),
)
_LIMITS = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_STACK", "RLIMIT_NPROC")
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def private_folder() -> str:
    """The folder of the sockets of this user."""
    parent = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp"
    return os.path.join(parent, f"resnet-lint-{os.getuid()}")


def require_private(folder: str) -> None:
    """Raise WorkerError if another user could have put a socket into the folder."""
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise WorkerError(f"{folder} is not a private folder of this user")


def key_of(executable: str, search_path: Iterable[str], *more: object) -> str:
    """A digest of all that a process depends on when it starts: of this interpreter, and `more`."""
    import resource  # not on Windows, where the command line imports this file

    environment = {name: value for name, value in os.environ.items() if name.startswith(_READ_AT_START)}
    limits = [resource.getrlimit(getattr(resource, name)) for name in _LIMITS if hasattr(resource, name)]
    tool = [sources(_PACKAGE), sources(os.path.join(os.path.dirname(_PACKAGE), "rules"))]
    installed = [packages(folder) for folder in search_path]
    real = os.path.realpath(executable)
    parts = [executable, real, stamp(real), tool, installed, sorted(environment.items()), limits, *more]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def socket_of(folder: str, owner: str, key: str) -> str:
    """The path of a socket. There is at most one process for an `owner`. Raises WorkerError if the path is too long."""
    path = os.path.join(folder, f"{_name_of(owner)}-{key[:16]}")
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise WorkerError(f"the path {path} is too long for a socket")
    return path


def connection_to(owner: str, key: str) -> tuple[socket.socket, int] | None:
    """A connection to a fork of a process that stays, and its process ID; None if there is no such process.

    Raises WorkerError if the process cannot be used.
    """
    folder = private_folder()
    if not os.path.lexists(folder):
        return None
    require_private(folder)
    path = socket_of(folder, owner, key)
    if not os.path.exists(path):
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(path)
        connection.sendall(greeting(key))
        pid = int(_line(connection))
        connection.settimeout(None)
    except (OSError, ValueError) as error:
        connection.close()
        raise WorkerError(f"the warm process does not answer ({error or type(error).__name__})") from error
    return connection, pid


def is_outdated(owner: str, key: str) -> bool:
    """Whether a process of this owner stays, but one that depends on other versions, packages, variables or limits."""
    locks = _locks(private_folder(), f"{_name_of(owner)}-")
    return any(_holder(lock) is not None for lock in locks if key[:16] not in lock)


def start(owner: str, key: str, command: Sequence[str], idle_seconds: float = IDLE_SECONDS) -> tuple[int, bool]:
    """Start a process that stays, unless it runs, and wait until it is ready.

    Returns its process ID, and whether it was started. Raises the errors of `launch`, and WorkerError if the process
    does not start.
    """
    path, process = launch(owner, key, command, idle_seconds)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        pid = _holder(lock_of(path))
        if pid is not None and os.path.exists(path):
            return pid, process is not None and pid == process.pid
        if pid is None and (process is None or process.poll() is not None):
            break
        time.sleep(0.02)
    if process is not None:
        process.kill()
        process.wait()
    raise WorkerError(f"the warm process does not start: {' '.join(command)}")


def launch(
    owner: str, key: str, command: Sequence[str], idle_seconds: float = IDLE_SECONDS
) -> tuple[str, subprocess.Popen[bytes] | None]:
    """Start a process that stays, unless it runs; return its socket, and the process if it was started.

    An outdated one of the same owner is stopped. `command` gets the socket, the key and the seconds to stay unused.
    Raises UsageError if the folder cannot be used, and WorkerError if the path of the socket is too long.
    """
    import subprocess

    folder = private_folder()
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create {folder}: {error.strerror}") from error
    require_private(folder)
    path = socket_of(folder, owner, key)
    for lock in _locks(folder, f"{_name_of(owner)}-"):
        if lock != lock_of(path):
            _stop(lock)
    if _holder(lock_of(path)) is not None:
        return path, None
    _remove(lock_of(path))  # of one that was killed
    null = subprocess.DEVNULL
    words = [*command, path, key, str(idle_seconds)]
    return path, subprocess.Popen(words, stdin=null, stdout=null, stderr=null, start_new_session=True, cwd="/")


def stop() -> list[int]:
    """Stop all processes of the user that stay; return their process IDs."""
    return [pid for lock in _locks(private_folder()) if (pid := _stop(lock)) is not None]


def _locks(folder: str, beginning: str = "") -> list[str]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    locks = (name for name in sorted(names) if name.endswith(lock_of("")) and name.startswith(beginning))
    return [os.path.join(folder, name) for name in locks]


def _name_of(owner: str) -> str:
    return hashlib.sha256(os.fsencode(owner)).hexdigest()[:8]


def _line(connection: socket.socket) -> bytes:
    """A short line, and nothing of what follows. Raises OSError, and ValueError if the connection ends."""
    received = b""
    while not received.endswith(b"\n"):
        byte = connection.recv(1)
        received += byte
        if not byte or len(received) > 20:
            raise ValueError("the connection was closed")
    return received


def _holder(lock: str) -> int | None:
    """The process that has locked a file; None if there is none."""
    import fcntl  # not on Windows

    try:
        with open(lock) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (OSError, ValueError):
        pass
    return None


def _stop(lock: str) -> int | None:
    """Stop the process that has locked a file; return its process ID, None if there is none."""
    pid = _holder(lock)
    for number, seconds in ((signal.SIGTERM, _END_SECONDS), (signal.SIGKILL, 1.0)):
        deadline = time.monotonic() + seconds
        while pid is not None and _holder(lock) == pid and time.monotonic() < deadline:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
            time.sleep(0.02)
    _remove(lock)
    return pid


def _remove(lock: str) -> None:
    """Remove a lock file and its socket, unless a process has locked it."""
    import fcntl  # not on Windows

    try:
        with open(lock) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(lock)
            os.unlink(lock.removesuffix(lock_of("")))
    except OSError:
        pass


def own_key() -> str:
    """The key of the process that keeps this tool loaded, for command lines of this interpreter."""
    search_path = sys.path if sys.flags.safe_path else sys.path[1:]  # without the folder of the script
    return key_of(sys.executable, search_path, sys.version)
