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
from resnet_lint.front.explain.wordings import WORDINGS, explain_last

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
    "shape '[2, 512]' is invalid for input of size 2048": "a tensor with 2048 elements to [2, 512]",
    "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [2, 3]": "shape [2, 3]",
    "The expanded size of the tensor (8) must match the existing size (4) at non-singleton dimension 1.": "is expanded",
    "Expected more than 1 value per channel when training, got input size torch.Size([1, 64, 1, 1])": "a larger batch",
    "Sizes of tensors must match except in dimension 2. Got 70 and 71 (The offending index is 0)": "in dimension 2: 70",
    "Attempting to broadcast a dimension of length 128 at -3! Mismatching argument at index 1 had torch.Size([2, 64, "
    "8, 8]); but expected shape should be broadcastable to [2, 128, 8, 8]": "operand 1 of shape torch.Size([2, 64, 8,",
    "a and b must have same reduction dim, but got [2, 512] X [2048, 10].": "expects 2048 input features but gets 512",
    "stack expects each tensor to be equal size, but got [3, 32, 32] at entry 0 and [1, 32, 32] at entry 1": "a stack",
    "Expected 4-dimensional input for 4-dimensional weight [64, 3, 7, 7], but got 3-dimensional input of size "
    "[3, 224, 224] instead": "4 dimensions but gets one of shape [3, 224, 224]",
    "input.size(-1) must be equal to input_size. Expected 10, got 5": "expects 10 features but gets 5",
    "was expecting embedding dimension of 512, but got 256": "expects 512 features but gets 256",
    "Expected input batch_size (16) to match target batch_size (64).": "16 predictions for 64 labels",
    "size mismatch for fc.weight: copying a param with shape torch.Size([1000, 512]) from checkpoint, the shape in "
    "current model is torch.Size([10, 512]).": "fc.weight has shape torch.Size([1000, 512]) in the checkpoint",
    "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemm(handle, opa, opb)`": "CUDA rejects a call",
    "one of the variables needed for gradient computation has been modified by an inplace operation": "in place",
}


@pytest.mark.parametrize(("text", "meaning"), TEXTS.items())
def test_a_wording(text: str, meaning: str) -> None:
    found = explain_last(f"Traceback (most recent call last):\nRuntimeError: {text}\n")
    assert found is not None
    assert meaning in found.meaning


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


def test_the_innermost_frame_comes_first_in_a_debugger() -> None:
    frames = (
        '  File "/no/coder.py", line 24, in decode\n    rep = self.bridge(h)\n',
        '  File "/no/train.py", line 46, in <module>\n    main(args)\n',
    )
    error = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2708x7 and 256x256)\n"
    for text in ("".join(frames), "".join(reversed(frames))):
        result = CliRunner().invoke(main, ["explain"], input=f"Exception has occurred: RuntimeError\n{text}{error}")
        assert "at /no/coder.py:24: rep = self.bridge(h)\n" in result.stdout


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
