"""`resnet-lint explain`: pasted tracebacks, with the file at hand and without."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Lint

from resnet_lint.front.cli import main
from resnet_lint.front.explain.wordings import WORDINGS, meaning_of

FIXTURE = Path(__file__).parents[3] / "fixtures" / "f3_channels" / "model.py"

TEXTS = {
    "The size of tensor a (128) must match the size of tensor b (64) at non-singleton dimension 1": "are 128 and 64",
    "output with shape [2, 64, 1, 1] doesn't match the broadcast shape [2, 64, 8, 8]": "[2, 64, 1, 1] whose result",
    "Given groups=1, weight of size [64, 3, 7, 7], expected input[1, 7, 32, 32] to have 3 channels, "
    "but got 7 channels instead": "expects 3 input channels but gets 7",
    "mat1 and mat2 shapes cannot be multiplied (2x512 and 2048x10)": "expects 2048 input features but gets 512",
    "size mismatch, m1: [2 x 512], m2: [2048 x 10] at /pytorch/aten/src/TH/generic/THTensorMath.cpp:41": "gets 512",
    "Sizes of tensors must match except in dimension 1. Expected size 32 but got size 33 for tensor number 1 "
    "in the list.": "32 and 33",
    "Sizes of tensors must match except in dimension 1. Got 32 and 33 in dimension 2": "32 and 33",
    "Tensors must have same number of dimensions: got 4 and 3": "4 and 3 dimensions",
    "running_mean should contain 128 elements not 64": "expects 64 channels but gets 128",
    "Given normalized_shape=[64], expected input with shape [*, 64], but got input of size[2, 10, 32]": "[2, 10, 32]",
    "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). Kernel size can't be greater "
    "than actual input size": "the padded input 2 x 2",
    "Given input size: (512x1x1). Calculated output size: (512x0x0). Output size is too small": "512x0x0",
    "shape '[2, 512]' is invalid for input of size 2048": "[2, 512] of a tensor with 2048 values",
    "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [2, 3]": "shape [2, 3]",
    "The expanded size of the tensor (8) must match the existing size (4) at non-singleton dimension 1.": "is expanded",
    "Expected more than 1 value per channel when training, got input size torch.Size([1, 64, 1, 1])": "a larger batch",
    "one of the variables needed for gradient computation has been modified by an inplace operation": "in place",
}


@pytest.mark.parametrize(("text", "meaning"), TEXTS.items())
def test_a_wording(text: str, meaning: str) -> None:
    found = meaning_of(f"Traceback (most recent call last):\nRuntimeError: {text}\n")
    assert found is not None
    assert meaning in found


def test_every_wording_has_a_text() -> None:
    assert [wording.meaning for wording in WORDINGS if not any(wording.pattern.search(text) for text in TEXTS)] == []


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
