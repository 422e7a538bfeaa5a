"""The server that forks for every connection, with clients that are wrong, slow or gone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

import pytest

from resnet_lint.shared.greeting import greeting, lock_of

# Answers each line with the circumstances of the fork.
SERVER = """\
import os, sys
from pathlib import Path
from resnet_lint.shared.fork_server import ForkServer, hold

def serve(connection):
    for line in connection.makefile("r"):
        mask = os.umask(0)
        connection.sendall(f"{os.getcwd()} {os.environ.get('COLOUR')} {mask:o} {line}".encode())

lock = hold(sys.argv[1])
if lock is not None:
    ForkServer(Path(sys.argv[1]), lock, "key", float(sys.argv[2]), serve).run()
"""


def start(path: Path, idle_seconds: float) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(path), str(idle_seconds)])
    wait_for(lambda: path.exists() or process.poll() is not None)
    return process


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "socket"


@pytest.fixture
def server(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start(path, 60.0)
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    wait_for(lambda: connection.connect_ex(str(path)) == 0)  # the server's file is there before it listens
    return connection


def ask(path: Path, **changes: Any) -> tuple[int, str]:
    with connected(path) as connection, connection.makefile("r") as answers:
        connection.sendall(json.dumps(json.loads(greeting("key")) | changes).encode() + b"\n")
        pid = int(answers.readline())
        connection.sendall(b"hello\n")
        return pid, answers.readline()


def is_listening(path: Path) -> bool:
    with suppress(OSError), connected(path):
        return True
    return False


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_a_fork_has_the_circumstances_of_its_client(
    server: subprocess.Popen[bytes], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLOUR", "red")
    with chdir(tmp_path):
        pid, answer = ask(path)
    assert pid != server.pid
    assert answer == f"{tmp_path} red {os.umask(os.umask(0o22)):o} hello\n"
    assert ask(path, cwd="/", environment={}, umask=0o77)[1] == "/ None 77 hello\n"
    wait_for(lambda: not children(server.pid))


@pytest.mark.parametrize(
    "nonsense", [b"\n", b"GET / HTTP/1.1\n", b"{}\n", b"[" * 100_000 + b"\n", b"\xff\xfe\n", b"x" * (5 << 20)]
)
def test_nonsense_gets_no_answer(nonsense: bytes, server: subprocess.Popen[bytes], path: Path) -> None:
    with connected(path) as connection:
        with suppress(ConnectionError):
            connection.sendall(nonsense)
        with suppress(ConnectionError):
            assert connection.recv(100) == b""
    assert ask(path)[1].endswith("hello\n")
    wait_for(lambda: not children(server.pid))


@pytest.mark.parametrize("change", [{"key": "other"}, {"cwd": "/no/such/folder"}, {"environment": {"A": 1}}])
def test_a_client_that_does_not_match_gets_no_answer(
    change: dict[str, Any], server: subprocess.Popen[bytes], path: Path
) -> None:
    wrong = json.loads(greeting("key")) | change
    with connected(path) as connection:
        connection.sendall(json.dumps(wrong).encode() + b"\n")
        assert connection.recv(100) == b""


def test_a_silent_client_delays_no_other_one(server: subprocess.Popen[bytes], path: Path) -> None:
    with connected(path):
        assert ask(path)[1].endswith("hello\n")
    wait_for(lambda: not children(server.pid))


def test_there_are_never_two(server: subprocess.Popen[bytes], path: Path) -> None:
    assert start(path, 60.0).wait(20) == 0
    assert ask(path)[1].endswith("hello\n")


def test_one_that_was_killed_is_replaced(server: subprocess.Popen[bytes], path: Path) -> None:
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    other = start(path, 60.0)
    wait_for(lambda: Path(lock_of(str(path))).read_text() == f"{other.pid}\n")
    wait_for(lambda: is_listening(path))
    assert ask(path)[1].endswith("hello\n")
    other.kill()
    other.wait()


def test_it_ends_when_it_is_not_used(path: Path) -> None:
    process = start(path, 0.3)
    assert ask(path)[1].endswith("hello\n")
    assert process.wait(20) == 0
    assert not path.exists()
    assert Path(lock_of(str(path))).exists()
