"""Commands that are handed over to a process with the tool loaded, and `server --warm`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resnet_lint.front.cli import main
from resnet_lint.front.warm import process
from resnet_lint.front.warm.command_line import HANDED_OVER, NOT_HANDED_OVER

WORDS = "import sys; sys.argv[0] = 'resnet-lint'; from resnet_lint.front.start import main; main()"
TIME = re.compile(r"\d+\.\d+ s\b|\"seconds\": [\d.]+")
WITHOUT_MODELS = "class Block(nn.Module\n"


def run(*args: str, cwd: Path, text: str = "", **variables: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", WORDS, *args]
    environment = os.environ | variables
    done = subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """The processes that `server --warm` starts: the worker, and the one that has the tool loaded."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        code, out, err = run("server", "--warm", cwd=folder)
        assert (code, err) == (0, "")
        assert [line.split()[2] for line in out.splitlines()] == ["keeps", "keeps"]
        pids = [int(line.split()[1]) for line in out.splitlines()]
        again = run("server", "--warm", cwd=folder)[1]
        assert [line.split()[1:4] for line in again.splitlines()] == [[str(pid), "already", "keeps"] for pid in pids]
        yield pids
        assert sorted(run("server", "--stop", cwd=folder)[1].split()[2::3]) == sorted(map(str, pids))
        assert run("server", "--stop", cwd=folder)[1] == "nothing to stop\n"
        assert os.listdir(process.private_folder()) == []
    wait_for(lambda: not any(map(is_running, pids)))


@contextmanager
def watching(cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that does not end."""
    command = [sys.executable, "-c", WORDS, "--watch", "broken.py"]
    client = subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        yield client
    finally:
        client.kill()
        client.communicate()


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


def forks_of(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


@pytest.mark.parametrize(
    "args",
    [
        ("rules", "RL103"),
        ("--help",),
        ("check", "--format", "json", "broken.py"),
        ("-v", "broken.py"),
        ("-", "--stdin-filename", "other.py"),
        ("missing.py",),
        ("--no-such-option",),
        ("explain",),
    ],
)
def test_the_output_is_that_of_the_command(args: tuple[str, ...], warm: list[int], tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(WITHOUT_MODELS)
    here, there = (
        [
            TIME.sub("", str(part))
            for part in run(*args, cwd=tmp_path, text=WITHOUT_MODELS, FORCE_COLOR="1", **variables)
        ]
        for variables in ({}, {"RESNET_LINT_TRACEBACK": "1"})
    )
    assert here == there
    wait_until_idle(warm[1])


def test_an_interrupt_reaches_the_command(warm: list[int], tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(WITHOUT_MODELS)
    command = [sys.executable, "-c", WORDS, "--watch", "broken.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as client:
        assert client.stderr is not None
        try:
            assert client.stderr.readline().startswith("watching ")
            assert len(forks_of(warm[1]).split()) == 1
            client.send_signal(signal.SIGINT)
            assert client.wait(20) == 130
        finally:
            client.kill()  # a client that runs the command itself watches for ever
        assert "interrupted" in client.stderr.read()
    wait_until_idle(warm[1])


@pytest.mark.parametrize("victim", ["client", "fork"])
def test_a_kill_leaves_nothing(victim: str, warm: list[int], tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(WITHOUT_MODELS)
    command = [sys.executable, "-c", WORDS, "--watch", "broken.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as client:
        assert client.stderr is not None
        client.stderr.readline()
        pid = client.pid if victim == "client" else int(forks_of(warm[1]))
        os.kill(pid, signal.SIGKILL)
        code = client.wait(20)
        assert code == (-signal.SIGKILL if victim == "client" else 2)
        assert victim == "client" or "was killed" in client.stderr.read()
    wait_until_idle(warm[1])


def wait_until_idle(pid: int) -> None:
    wait_for(lambda: not forks_of(pid))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_that_hangs_is_not_used(warm: list[int], tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(WITHOUT_MODELS)
    os.kill(warm[1], signal.SIGSTOP)
    try:
        code, out, err = run("-v", "broken.py", cwd=tmp_path)
    finally:
        os.kill(warm[1], signal.SIGCONT)
    assert code == 1
    assert "RL001" in out
    assert err == "resnet-lint: the warm process does not answer (timed out); ran the command without it\n"
    wait_until_idle(warm[1])


def test_one_of_another_version_is_not_used(warm: list[int], tmp_path: Path) -> None:
    """A variable that Python reads when it starts counts as a version does."""
    (tmp_path / "broken.py").write_text(WITHOUT_MODELS)
    quiet, verbose = (run(*words, "broken.py", cwd=tmp_path, MALLOC_TOP_PAD_="65536") for words in ((), ("-v",)))
    line = f"resnet-lint: {process.OUTDATED}; ran the command without it\n"
    assert (quiet[0], quiet[2], verbose[0], verbose[2]) == (1, "", 1, line)
    assert process.OUTDATED not in run("-v", "broken.py", cwd=tmp_path)[2]
    wait_until_idle(warm[1])


def test_the_options_exclude_each_other(tmp_path: Path) -> None:
    code, _, err = run("server", "--warm", "--stop", cwd=tmp_path)
    assert (code, err.count("\n")) == (2, 1)


def test_every_command_is_handed_over_or_not() -> None:
    assert sorted(main.commands) == sorted((*HANDED_OVER, *NOT_HANDED_OVER))
