"""`resnet-lint explain`: pasted tracebacks, with and without the file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Lint

from resnet_lint.front.cli import main

FIXTURE = Path(__file__).parents[3] / "fixtures" / "f3_channels" / "model.py"


@pytest.fixture
def traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What Python says when a broken model is run."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(FIXTURE, tmp_path / "model.py")
    done = subprocess.run([sys.executable, "model.py"], cwd=tmp_path, capture_output=True, text=True)
    assert "RuntimeError" in done.stderr
    return done.stderr


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_finding_behind_it(elsewhere: bool, traceback: str, lint: Lint, tmp_path: Path) -> None:
    text = traceback.replace(str(tmp_path), "/home/someone/project") if elsewhere else traceback
    Path("log.txt").write_text(text)
    result = lint("explain", "log.txt")
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("an addition, or another elementwise operation, of tensors whose sizes")
    assert "model.py:15:15: error: RL101 " in result.stdout
    assert "self.shortcut" in result.stdout


def test_the_text_alone(traceback: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").unlink()
    result = CliRunner().invoke(main, ["explain"], input=traceback)
    assert result.exit_code == 0
    assert "Based on the message alone: " in result.stdout
    assert result.stdout.endswith(" does not exist.\n")


def test_the_innermost_frame_comes_first_in_a_debugger() -> None:
    frames = (
        '  File "/no/coder.py", line 24, in decode\n    rep = self.bridge(h)\n',
        '  File "/no/train.py", line 46, in <module>\n    main(args)\n',
    )
    error = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2708x7 and 256x256)\n"
    for text in ("".join(frames), "".join(reversed(frames))):
        result = CliRunner().invoke(main, ["explain"], input=f"Exception has occurred: RuntimeError\n{text}{error}")
        assert "at /no/coder.py:24: rep = self.bridge(h)\n" in result.stdout


def test_frames_below_the_message_are_those_of_a_debugger_too() -> None:
    """VS Code shows the message first; the module's own frame may be cut off."""
    error = "mat1 and mat2 shapes cannot be multiplied (512x2048 and 768x768)\n"
    inner = '  File "/no/causal.py", line 30, in forward\n    prob = self.prob(x_hat)\n'
    outer = '  File "/no/causal.py", line 149, in forward\n    m = self.do(x, m) + m\n'
    shown = CliRunner().invoke(main, ["explain"], input=error + inner + outer).stdout
    assert "at /no/causal.py:30: " in shown
    cut_off = CliRunner().invoke(main, ["explain"], input=f"{error}Traceback (most recent call last):\n{outer}{inner}")
    assert "at /no/causal.py:30: " in cut_off.stdout


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "the input is empty"),
        ("it does not work\n", "no traceback and no shape error in the input"),
        ('  File "/nowhere/a.py", line 3\nKeyError: 1\n', "not a known shape error"),
    ],
)
def test_what_cannot_be_explained(text: str, line: str) -> None:
    result = CliRunner().invoke(main, ["explain", "-"], input=text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert line in result.stderr
    assert CliRunner().invoke(main, ["explain", "no.txt"]).exit_code == 2


def explained(*command: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "resnet_lint", "explain", "--", *command]
    return subprocess.run(
        words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(FIXTURE.parents[2])}
    )


def test_a_command_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(FIXTURE, "model.py")
    done = explained(sys.executable, "model.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback")
    assert "\n\nan addition, or another elementwise operation" in done.stderr
    assert "model.py:15:15: error: RL101 " in done.stderr


@pytest.mark.parametrize(
    ("code", "returncode", "error"),
    [
        ("import sys; print(1); print(2, file=sys.stderr)", 0, "2\n"),
        (
            "import sys; sys.exit('no such data')",
            1,
            "no such data\n\nresnet-lint: no traceback and no shape error in the input\n",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143, "\nresnet-lint: no traceback and no shape"),
    ],
)
def test_a_command_keeps_its_exit_code(code: str, returncode: int, error: str) -> None:
    done = explained(sys.executable, "-c", code)
    assert done.returncode == returncode
    assert done.stderr.startswith(error)


def test_a_command_that_does_not_exist() -> None:
    done = explained("no-such-command")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot run no-such-command: No such file" in done.stderr
    assert CliRunner().invoke(main, ["explain", "log.txt", "--", "x"]).exit_code == 2
