"""The worker that stays for several runs: the same answers as a new one, and what happens if it cannot be used."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resnet_lint.front.cli import main
from resnet_lint.front.warm import process, worker
from resnet_lint.front.workers.interpreter import own
from resnet_lint.front.workers.worker_process import ForkedWorker
from resnet_lint.shared.errors import WorkerError

FAULT = """\
from pathlib import Path

import torch
from torch import nn

WIDTH = 8 + len(Path("notes.txt").read_text())


class Block(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)


if __name__ == "__main__":
    Block(8, WIDTH)(torch.randn(2, 8, 16, 16))
"""
CRASH = "import os, torch\nfrom torch import nn\nos.abort()\nclass A(nn.Module): ...\n"


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The process ID of the worker that stays."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        pid, is_new = worker.start(own())
        assert is_new
        yield pid
        assert process.stop() == [pid]
    os.waitpid(pid, 0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(FAULT)
    (tmp_path / "crash.py").write_text(CRASH)
    (tmp_path / "notes.txt").touch()
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["check", "--no-cache", *args], prog_name="resnet-lint")


def report(result: Result) -> Any:
    fields = json.loads(result.stdout)
    del fields["summary"]["seconds"]
    return fields, result.exit_code, result.stderr


@contextmanager
def only_warm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run that fails if it starts a worker of its own."""
    with monkeypatch.context() as patch:
        patch.setattr(worker, "started", None)
        yield


def test_the_answers_are_those_of_a_new_worker(warm: int, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cold(*args: str) -> Result:
        with monkeypatch.context() as patch:
            patch.setattr(worker, "connected", lambda interpreter: None)
            return run(*args)

    found = []
    for notes in ("", "eight!!!"):
        (project / "notes.txt").write_text(notes)  # relative to the working directory of the run
        with only_warm(monkeypatch):
            found.append(report(run("--format", "json", ".")))
    assert found[-1] == report(cold("--format", "json", "."))
    rules = [[finding["rule"] for finding in fields["findings"]] for fields, *_ in found]
    assert rules == [["RL002"], ["RL002", "RL101"]]


def test_no_fork_is_left(warm: int, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with only_warm(monkeypatch):
        assert run("model.py").exit_code == 0
        trace = CliRunner().invoke(main, ["trace", "model.py"], prog_name="resnet-lint")
    assert trace.exit_code == 0
    assert Path(f"/proc/{warm}/task/{warm}/children").read_text() == ""


@pytest.mark.parametrize("trouble", ["killed", "hangs", "nonsense", "readable", "too long", "unreadable"])
def test_any_trouble_starts_a_worker(
    trouble: str, warm: int, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[str] = []

    def start(interpreter: Any) -> None:
        started.append(interpreter.executable)
        raise WorkerError("started")

    monkeypatch.setattr(worker, "started", start)
    monkeypatch.setattr(process, "_ANSWER_SECONDS", 0.2)
    reason = "the warm process does not answer"
    with chdir(project):
        if trouble == "killed":
            reason = "the worker has died"
            monkeypatch.setattr(worker, "ForkedWorker", killed)
        elif trouble == "hangs":
            os.kill(warm, signal.SIGSTOP)
        elif trouble == "nonsense":
            monkeypatch.setattr(process, "_line", lambda connection: b"220 ESMTP\n")
        elif trouble == "readable":
            reason = "is not a private folder of this user"
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
            Path(process.private_folder()).mkdir(mode=0o755)
        elif trouble == "unreadable":
            reason = "Input/output error"
            monkeypatch.setattr(process, "packages", unreadable)
        else:
            reason = "is too long for a socket"
            monkeypatch.setattr(process, "_LONGEST_PATH", 20)
        try:
            result = run("--verbose", "model.py")
        finally:
            os.kill(warm, signal.SIGCONT)
    assert started == [own().executable]
    assert reason in result.stderr.splitlines()[0]
    assert result.stderr.splitlines()[1:] == ["resnet-lint: started"]


def unreadable(folder: str) -> Any:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def killed(connection: socket.socket, pid: int) -> Any:
    os.kill(pid, signal.SIGKILL)
    return ForkedWorker(connection, pid)


def test_a_change_of_the_environment_is_another_worker(
    warm: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    interpreter = own()
    connection = worker.connected(interpreter)
    assert connection is not None
    connection.end_requests()
    connection.wait(20)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert worker.connected(interpreter) is None
