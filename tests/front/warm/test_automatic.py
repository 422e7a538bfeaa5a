"""The setting `warm`: the first run starts the processes that stay, once; later runs use them; faults do not matter."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resnet_lint.front.warm import process
from resnet_lint.front.warm.automatic import tool

WORDS = "import sys; sys.argv[0] = 'resnet-lint'; from resnet_lint.front.start import main; main()"
TIME = re.compile(r"\d+\.\d+ s\b")
MODEL = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)


Block()(torch.randn(2, 8, 16, 16))
"""


@pytest.fixture
def project(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A project with the setting, in which nothing stays after the test."""
    short = tmp_path_factory.mktemp("r")  # as the paths of sockets have to be
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "resnet-lint.toml").write_text("warm = true\n")
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "broken.py").write_text("class Block(nn.Module\n")
    yield tmp_path
    subprocess.run([sys.executable, "-c", WORDS, "server", "--stop"], capture_output=True, check=True)
    wait_for(lambda: not staying())


def started(*args: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORDS, *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=cwd, stdout=pipe, stderr=pipe, text=True, env=os.environ | variables)


def ended(run: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = run.communicate(timeout=120)
    return run.returncode, TIME.sub("", out), err


def staying() -> list[int]:
    """The processes that stay, without their forks, which have the same command line."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes()
            parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if os.fsencode(process.private_folder()) in words:
            found[name] = parent
    return [int(pid) for pid, parent in found.items() if parent not in found]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_the_first_runs_start_one_of_each_and_later_runs_use_them(project: Path) -> None:
    first = [started("--no-cache", "model.py", cwd=project) for _ in range(3)]
    answers = [ended(run) for run in first]
    wait_for(lambda: len(sockets()) == 2)
    pids = staying()
    assert len(pids) == 2
    answers.append(ended(started("--no-cache", "model.py", cwd=project)))
    cold = ended(started("--no-cache", "--no-warm", "model.py", cwd=project))
    assert cold[0] == 1 and "RL101" in cold[1]
    assert answers == [cold] * 4
    assert staying() == pids

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    assert ended(started("-v", "--no-cache", "--no-warm", "broken.py", cwd=project))[2] == ""  # does not ask them
    for pid in pids:
        os.kill(pid, signal.SIGCONT)

    os.kill(pids[0], signal.SIGKILL)
    os.kill(pids[1], signal.SIGKILL)
    assert ended(started("--no-cache", "model.py", cwd=project)) == cold
    wait_for(lambda: len(staying()) == 2)
    assert set(staying()).isdisjoint(pids)


def sockets() -> list[Path]:
    return [path for path in Path(process.private_folder()).glob("*") if path.is_socket()]


def test_nothing_starts_in_ci_or_without_the_setting(project: Path) -> None:
    runs = [
        started("broken.py", cwd=project, CI="true"),
        started("--no-warm", "broken.py", cwd=project),
        started("--isolated", "broken.py", cwd=project),
    ]
    assert [ended(run)[0] for run in runs] == [1, 1, 1]
    assert staying() == []
    assert not os.path.exists(process.private_folder())


def test_the_option_starts_it_in_ci_too(project: Path) -> None:
    assert ended(started("--isolated", "--warm", "broken.py", cwd=project, CI="true"))[0] == 1
    assert len(staying()) == 1  # a file that does not parse needs no torch


def test_a_fault_is_one_line_with_verbose(project: Path) -> None:
    folder = project / "model.py"
    expected = ended(started("-v", "--no-warm", "broken.py", cwd=project))
    code, out, err = ended(started("-v", "broken.py", cwd=project, XDG_RUNTIME_DIR=str(folder)))
    assert (code, out) == expected[:2]
    cannot = f"cannot create {folder}/resnet-lint-{os.getuid()}: Not a directory"
    assert err == f"resnet-lint: {cannot}; nothing stays for the next run\n"
    assert ended(started("broken.py", cwd=project, XDG_RUNTIME_DIR=str(folder)))[2] == ""


def test_it_ends_when_it_is_not_used(project: Path) -> None:
    pid, is_new = process.start(*tool(), idle_seconds=0.3)
    assert is_new
    assert process.start(*tool()) == (pid, False)
    os.waitpid(pid, 0)
    assert sockets() == []
