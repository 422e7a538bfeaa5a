"""`resnet-lint run` on the command line: the prediction of the trace against a real run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Lint
from running import report_of, write

ROOT = Path(__file__).parents[3]


def stage(report: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = next(stage for stage in report["confirmation"]["stages"] if stage["path"] == path)
    return found


def test_f2_the_first_value_is_two(lint: Lint) -> None:
    result = lint("run", ROOT / "fixtures/f2_ones/model.py", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    report = report_of(result)
    assert report["fixed"] is None
    assert stage(report["original"], "")["predicted"] == stage(report["original"], "")["measured"] == [[1, 3, 5, 5]]
    assert report["original"]["confirmation"]["first_value"] == 2.0


def test_f4_fails_as_predicted_and_the_fixed_block_halves_the_image(lint: Lint) -> None:
    path = ROOT / "fixtures/f4_stride/model.py"
    before = path.read_bytes()
    result = lint("run", path, "--batch", "3")
    assert result.exit_code == 1, result.output
    predicted, measured = (line for line in result.stdout.splitlines() if line.startswith(("predicted", "measured")))
    assert "model.py:16: RL103" in predicted
    assert "line 16: RuntimeError: The size of tensor a (16) must match" in measured
    assert "(the model)  DownBlock    (3, 128, 16, 16)  (3, 128, 16, 16)  matches" in result.stdout
    assert "confirmed  it fails as predicted" in result.stdout
    assert "After the fix: 1 finding fixed, in memory only; write the file with --fix" in result.stdout
    assert path.read_bytes() == before


def test_fix_writes_the_confirmed_file(lint: Lint, tmp_path: Path) -> None:
    path = Path(shutil.copy(ROOT / "fixtures/f4_stride/model.py", tmp_path))
    page = tmp_path / "report.html"
    result = lint("run", path, "--fix", "--format", "json", "--report", page)
    assert (result.exit_code, result.stderr) == (0, "")
    report = report_of(result)
    assert (report["written"], report["fixed_findings"], report["summary"]["findings_left"]) == (True, 1, 0)
    assert report["original"]["confirmation"]["error"]
    assert report["fixed"]["confirmation"]["sound"]
    assert stage(report["fixed"], "")["measured"] == [[8, 128, 16, 16]]
    assert path.read_bytes() == (ROOT / "fixtures/f4_stride/fixed.py").read_bytes()
    text = page.read_text()
    assert "return self.relu(out + self.shortcut(x))" in text
    assert "RuntimeError: The size of tensor a (16) must match" in text
    assert "with 1 finding fixed, written to the file" in text
    assert "<td>seed</td><td>0</td>" in text and "<td>command</td>" in text
    assert '<table class="bars">' in text, "the gradients"


UNFIXABLE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(5, 4))

    def forward(self, x):
        return x @ self.weight


if __name__ == "__main__":
    Net()(torch.randn(3, 4))
"""


def test_a_model_without_a_fix_that_fails_as_predicted(lint: Lint, tmp_path: Path) -> None:
    result = lint("run", write(tmp_path, UNFIXABLE), "--device", "cpu")
    assert (result.exit_code, result.stderr) == (1, "")
    assert "\nconfirmed  it fails as predicted\n" in result.stdout
    assert result.stdout.splitlines()[-1].startswith(
        "confirmed: it fails as predicted on cpu; 1 finding left in the file"
    )


TROUBLE = '''
class Restless(nn.Module):
    """Fails every check: depends on the device, is random, divides by zero, and has an unused layer."""

    def __init__(self):
        super().__init__()
        self.used = nn.Linear(4, 4)
        self.unused = nn.Linear(4, 4)

    def forward(self, x):
        out = self.used(x) + torch.rand_like(x) / 0
        return out if x.is_meta else out[:1]


if __name__ == "__main__":
    Restless()(torch.randn(3, 4))
'''


def test_failed_checks_are_named(lint: Lint, tmp_path: Path) -> None:
    result = lint("run", write(tmp_path, TROUBLE), "--device", "cpu")
    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert "(the model)  Restless  (3, 4)       (1, 4)      DIFFERS" in lines
    assert "stages that match                          1 of 2" in lines
    assert "finite outputs                             NO" in lines
    assert "deterministic in eval mode                 yes" in lines, "all outputs are infinite"
    assert "gradients for all parameters               NO, missing: unused.weight, unused.bias" in lines
    assert lines[-1].startswith("NOT confirmed on cpu")


FACTORY = """
class Net(nn.Module):
    def __init__(self, width, drop):
        super().__init__()
        self.embed = nn.Embedding(7, width)
        self.drop = drop

    def forward(self, ids):
        return nn.functional.dropout(self.embed(ids), self.drop)


def tiny(width=4):
    return Net(width, 0.5)


def other():
    return Net(8, 0.5)
"""


def test_a_function_as_target(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, FACTORY)
    result = lint("run", f"{path}::tiny", "--format", "json", "--input", "ids=2x5:int64", "--dtype", "float64")
    report = report_of(result)["original"]
    assert (report["subject"]["label"], report["subject"]["dtype"]) == ("tiny()", "float64")
    assert stage(report, "embed")["measured"] == [[2, 5, 4]]
    assert report["confirmation"]["repeatable"] is False, "F.dropout without training=self.training"
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("target", "options", "expected"),
    [
        ("", ["--device", "cuda:99"], "--device: "),
        ("", ["--device", "toaster"], "--device: 'toaster' is not a device; choose from auto, "),
        ("", ["--batch", "1000000000000"], "out of memory on cpu: a batch of 1000000000000 needs at least "),
        ("", ["--batch", "0"], "0 is not in the range x>=1"),
        ("::Nothing", [], "defines no nn.Module class or function Nothing"),
        ("", ["--call", "tiny('wide')"], "TypeError"),
    ],
)
def test_bad_input_is_reported_in_one_line(
    target: str, options: list[str], expected: str, lint: Lint, tmp_path: Path
) -> None:
    result = lint("run", f"{write(tmp_path, FACTORY)}{target}", "--device", "cpu", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_too_large_batch_is_reported_with_one_that_fits(lint: Lint, tmp_path: Path) -> None:
    result = lint("run", write(tmp_path, FACTORY), "--device", "cpu", "--batch", "1000000000000")
    fitting = int(result.stderr.rpartition("--batch ")[2].split()[0])
    assert 0 < fitting < 1_000_000_000_000


def test_a_folder_is_not_a_model(lint: Lint, tmp_path: Path) -> None:
    result = lint("run", tmp_path)
    assert result.exit_code == 2
    assert "is a directory; pass the file" in result.stderr


KILLER = """
import os


class Killer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        if not x.is_meta:
            os.kill(os.getpid(), 9)
        return self.layer(x)
"""


def test_a_model_that_kills_its_process(lint: Lint, tmp_path: Path) -> None:
    result = lint("run", write(tmp_path, KILLER))
    assert result.exit_code == 2
    assert result.stderr == ("resnet-lint: the run was killed, most likely out of memory; try a smaller --batch\n")


COMPILED = """
@torch.compile(dynamic=True)
def scaled(x):
    return x * x.shape[-1]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return x + scaled(self.conv(x))


if torch.__version__:
    net = nn.DataParallel(torch.compile(Net()))
    net.compile()
    net(torch.randn(2, 3, 8, 8))
"""


def test_a_model_that_its_script_compiles(lint: Lint, tmp_path: Path) -> None:
    result = lint("run", write(tmp_path, COMPILED), "--device", "cpu")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1].startswith("confirmed on cpu")


SIDE_STREAM = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch, self.shortcut = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 1)
        self.stream = torch.cuda.Stream()

    def forward(self, x):
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            shortcut = self.shortcut(x)
        out = self.branch(x)
        torch.cuda.current_stream().wait_stream(self.stream)
        return out + shortcut


net = nn.DataParallel(Net())
net(torch.randn(2, 3, 16, 16))
"""


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_shortcut_on_a_stream_of_its_own(lint: Lint, tmp_path: Path) -> None:
    result = lint("run", write(tmp_path, SIDE_STREAM))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1].startswith("confirmed on cuda:0")
