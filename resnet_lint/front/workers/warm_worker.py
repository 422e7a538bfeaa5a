"""The worker that stays for several runs: `resnet-lint server --warm` starts it, and later runs connect to it.

There is at most one for an interpreter. Its socket is in a private folder of the user, and its name contains a digest
of all that a worker depends on when it starts: the tool, the interpreter, its packages, some environment variables and
the resource limits. If any of it changes, the socket is not found, and a run starts its own worker.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from resnet_lint.rule_loader import built_in_folder
from resnet_lint.shared.errors import UsageError, WorkerError
from resnet_lint.shared.fork_server import Greeting, lock_of
from resnet_lint.shared.records.requests import Interpreter

from ..exit import TRACEBACK_VARIABLE
from .interpreter import START
from .worker_process import ForkedWorker, WorkerProcess, started

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
_WRITTEN_BY_INSTALLERS = (".dist-info", ".egg-info", ".egg-link", ".pth")
_LIMITS = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_STACK", "RLIMIT_NPROC")

Note = Callable[[str], None]
"""Takes a line about why the worker that stays was not used."""


class WarmOrOwn:
    """Provides the worker of a run: a fork of the one that stays, or else one of its own. `note` gets the reasons."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._is_tried = False

    def __call__(self, interpreter: Interpreter) -> WorkerProcess:
        """A worker. A second one, after the first one has died, is always started."""
        first, self._is_tried = not self._is_tried, True
        if first and not os.environ.get(TRACEBACK_VARIABLE):
            try:
                warm = connected(interpreter)
            except WorkerError as error:
                self._note(f"{error}; started another one")
                warm = None
            if warm is not None:
                return warm
        elif not first:
            self._note("the worker has died; started another one")
        return started(interpreter)


def connected(interpreter: Interpreter) -> ForkedWorker | None:
    """A fork of the worker that stays; None if there is none. Raises WorkerError if it cannot be used."""
    folder = private_folder()
    if not os.path.lexists(folder):
        return None
    _require_private(folder)
    key = _key(interpreter)
    path = _socket_of(folder, interpreter, key)
    if not path.exists():
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(str(path))
        connection.sendall(Greeting.of_this_process(key).encoded())
        pid = int(_line(connection))
        connection.settimeout(None)
    except (OSError, ValueError) as error:
        connection.close()
        raise WorkerError(f"the warm worker does not answer ({error or type(error).__name__})") from error
    return ForkedWorker(connection, pid)


def start(interpreter: Interpreter, idle_seconds: float = IDLE_SECONDS) -> tuple[int, bool]:
    """Start the worker that stays, unless it runs; return its process ID, and whether it was started.

    An outdated one of the same interpreter is stopped. Raises UsageError if the folder or socket cannot be used, and
    WorkerError if the worker does not start.
    """
    folder = private_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create {folder}: {error.strerror}") from error
    _require_private(folder)
    key = _key(interpreter)
    path = _socket_of(folder, interpreter, key)
    for other in folder.glob(f"{_name_of(interpreter)}-*.lock"):
        if other != lock_of(path):
            _stop(other)
    if (pid := _holder(lock_of(path))) is not None:
        return pid, False
    words = [interpreter.executable, str(START), "stay", str(path), key, str(idle_seconds)]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if path.exists() and (pid := _holder(lock_of(path))) is not None:
            if _key(interpreter) != key:  # packages were installed meanwhile
                break
            return pid, pid == process.pid
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise WorkerError(f"the warm worker ({interpreter.executable}) does not start")


def stop() -> list[int]:
    """Stop all workers of the user that stay; return their process IDs."""
    folder = private_folder()
    return [pid for lock in sorted(folder.glob("*.lock")) if (pid := _stop(lock)) is not None]


def private_folder() -> Path:
    """The folder of the sockets of this user."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), f"resnet-lint-{os.getuid()}")


def _require_private(folder: Path) -> None:
    """Raise WorkerError if another user could have put a socket into the folder."""
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise WorkerError(f"{folder} is not a private folder of this user")


def _socket_of(folder: Path, interpreter: Interpreter, key: str) -> Path:
    path = folder / f"{_name_of(interpreter)}-{key[:16]}"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise WorkerError(f"the path {path} is too long for a socket")
    return path


def _name_of(interpreter: Interpreter) -> str:
    return hashlib.sha256(os.fsencode(interpreter.executable)).hexdigest()[:8]


def _key(interpreter: Interpreter) -> str:
    """A digest of all that a worker depends on when it starts."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(_READ_AT_START)}
    limits = [resource.getrlimit(getattr(resource, name)) for name in _LIMITS if hasattr(resource, name)]
    executable = _stamp(os.path.realpath(interpreter.executable))
    tool = [_stamps(Path(__file__).parents[2]), _stamps(built_in_folder())]
    packages = [_packages(folder) for folder in interpreter.search_path]
    of_interpreter = [interpreter.executable, interpreter.python, interpreter.torch, interpreter.search_path]
    parts = [of_interpreter, executable, tool, packages, sorted(environment.items()), limits]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _stamps(folder: str | Path) -> list[object]:
    """The stamps of the Python files in a folder and its subfolders."""
    found: list[object] = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            found += _stamps(entry.path)
        elif entry.name.endswith(".py"):
            found.append((entry.path, _stamp(entry.path)))
    return found


def _packages(folder: str) -> list[object]:
    """The stamps of a folder of the search path, and of what installers write about the packages in it."""
    if not os.path.isdir(folder):
        return [_stamp(folder)]
    names = sorted(
        name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link"))
    )
    return [_stamp(folder), *((name, _stamp(os.path.join(folder, name))) for name in names)]


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _line(connection: socket.socket) -> bytes:
    """A short line, and nothing of what follows. Raises OSError, and ValueError if the connection ends."""
    received = b""
    while not received.endswith(b"\n"):
        byte = connection.recv(1)
        received += byte
        if not byte or len(received) > 20:
            raise ValueError("the connection was closed")
    return received


def _holder(lock: Path) -> int | None:
    """The process that has locked a file; None if there is none."""
    with suppress(OSError, ValueError), open(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
    return None


def _stop(lock: Path) -> int | None:
    """Stop the process that has locked a file; return its process ID, None if there is none."""
    pid = _holder(lock)
    for number, seconds in ((signal.SIGTERM, _END_SECONDS), (signal.SIGKILL, 1.0)):
        deadline = time.monotonic() + seconds
        while pid is not None and _holder(lock) == pid and time.monotonic() < deadline:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            time.sleep(0.02)
    _remove(lock)
    return pid


def _remove(lock: Path) -> None:
    """Remove a lock file and its socket, unless a process has locked it."""
    with suppress(OSError), open(lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.unlink()
        lock.with_suffix("").unlink()
