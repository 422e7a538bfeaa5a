"""Shards and `merge`: the report of one job, whatever the jobs were."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Lint

from resnet_lint.front.check.shards import balanced

BLOCK = """
from torch import nn


class Block(nn.Module):
    def __init__(self, width: int, scale: object):
        super().__init__()
        self.conv = nn.Conv2d(width, scale.out, 3)

    def forward(self, x):
        return x + self.conv(x)  # resnet-lint: ignore[RL102]
"""
# The comment in `block.py` is only used by this model, of another shard.
MODEL = """
import torch
from block import Block
from torch import nn


class Scale:
    out = 8


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(8, Scale)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = self.block(x)
        return x + self.head(x)


Net()(torch.zeros(2, 8, 16, 16))
"""
FORMATS = ("json", "text", "sarif", "gitlab", "junit")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "block.py").write_text(BLOCK)
    (folder / "model.py").write_text(MODEL)
    (folder / "plain.py").write_text("x = 1\n")
    (folder / "broken.py").write_text("from torch import nn\nclass Block(nn.Module\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def parts(project: Path, lint: Lint) -> list[Path]:
    files = [project.parent / f"part-{number}.json" for number in (1, 2)]
    for number, file in enumerate(files, start=1):
        lint(".", "--shard", f"{number}/2", "--format", "json", "--output", file)
    return files


def without_times(report: str) -> str:
    lines = [line.rpartition(", ")[0] if line.endswith(" s") else line for line in report.splitlines()]
    return "\n".join(line for line in lines if '"seconds"' not in line and " time=" not in line)


def test_the_merged_report_is_that_of_one_job(parts: list[Path], lint: Lint) -> None:
    for form in FORMATS:
        merged, one = lint("merge", *parts, "--format", form), lint(".", "--format", form)
        assert without_times(merged.stdout) == without_times(one.stdout)
        assert (merged.exit_code, merged.stderr) == (one.exit_code, "") == (1, "")
    report = json.loads(lint("merge", *parts, "--format", "json").stdout)
    assert [module["status"] for module in report["modules"]] == ["checked", "checked"]
    assert {finding["rule"] for finding in report["findings"]} == {"RL001", "RL101"}  # no unused ignore: it is used


def test_parts_travel_to_another_folder(
    parts: list[Path], lint: Lint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = lint(".", "--format", "json").stdout
    shutil.move(tmp_path / "project", tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert without_times(lint("merge", *parts, "--format", "json").stdout) == without_times(one)
    assert not any(str(tmp_path) in file.read_text() for file in parts)


def _without_file(parts: list[Path]) -> str:
    parts.pop()
    return "no report of shard 2/2"


def _twice(parts: list[Path]) -> str:
    parts.append(parts[0])
    parts[0] = Path(shutil.copy(parts[0], parts[0].with_name("copy.json")))
    return f"{parts[0]} and {parts[2]} are both of shard 1/2"


def _changed(parts: list[Path]) -> str:
    Path("model.py").write_text(MODEL + "\n")
    return "model.py has changed since its shard was checked"


def _new_file(parts: list[Path]) -> str:
    Path("new.py").write_text(MODEL)
    return "no shard has checked new.py: they were cut with different --times or files"


def _gone(parts: list[Path]) -> str:
    Path("block.py").unlink()
    return "a shard has checked block.py, which is not here; run merge in the checkout of the shards"


def _truncated(parts: list[Path]) -> str:
    parts[1].write_bytes(parts[1].read_bytes()[:-20])
    return f"{parts[1]} is not the report of a shard; write it with --shard K/N --format json, without --fix"


def _other_version(parts: list[Path]) -> str:
    report = json.loads(parts[1].read_text())
    report["tool"]["version"] = "0.0.1"
    parts[1].write_text(json.dumps(report))
    return f"{parts[1]} was written by resnet-lint 0.0.1, and this is "


def _missing(parts: list[Path]) -> str:
    parts[1] = Path("nowhere.json")
    return "cannot read nowhere.json: No such file or directory"


@pytest.mark.parametrize(
    "spoil", [_without_file, _twice, _changed, _new_file, _gone, _truncated, _other_version, _missing]
)
def test_parts_that_do_not_fit_are_refused(spoil: Callable[[list[Path]], str], parts: list[Path], lint: Lint) -> None:
    line = spoil(parts)
    result = lint("merge", *parts)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"resnet-lint: {line}")
    assert result.stderr.count("\n") == 1


def test_parts_of_different_options_are_refused(parts: list[Path], lint: Lint) -> None:
    lint(".", "--shard", "2/2", "--format", "json", "--output", parts[1], "--select", "RL1")
    result = lint("merge", *parts)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "are of different runs: shards, paths or settings differ" in result.stderr


def test_options_of_the_shards_count_in_the_merged_report(project: Path, lint: Lint) -> None:
    options = ("--select", "RL0", "--format", "json")
    for number in (1, 2):
        lint(".", "--shard", f"{number}/2", *options, "--output", f"../{number}.json")
    one = lint(".", *options).stdout
    assert without_times(lint("merge", "../1.json", "../2.json", "--format", "json").stdout) == without_times(one)


def test_times_balance_the_shards(parts: list[Path], lint: Lint) -> None:
    times = Path("../times.json")
    lint("merge", *parts, "--times", times)
    seconds = json.loads(times.read_text())["seconds"]
    assert list(seconds) == ["block.py", "model.py"]
    times.write_text(json.dumps({"version": 1, "seconds": {"block.py": 9, "model.py": 4, "broken.py": 3}}))
    files = [lint(".", "--show-files", "--shard", f"{n}/2", "--times", times).stdout.split() for n in (1, 2)]
    assert files == [["block.py"], ["broken.py", "model.py"]]


@pytest.mark.parametrize(
    ("text", "why"), [("[]", "was not written by"), ("{", "was not written by"), (None, "cannot read")]
)
def test_times_that_cannot_be_read_are_an_error(text: str | None, why: str, project: Path, lint: Lint) -> None:
    """Cutting without them would lose files: the other jobs may have them."""
    if text is not None:
        Path("times.json").write_text(text)
    result = lint(".", "--shard", "1/2", "--times", "times.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr


def test_parts_are_balanced_and_files_without_a_time_count_as_the_median() -> None:
    nan = float("nan")
    seconds = {("a", ""): 10.0, ("b", ""): 1.0, ("c", ""): nan, ("d", ""): 4.0, ("e", ""): 3.0}
    cut = balanced(sorted(seconds), seconds, 2)
    assert cut == [[("a", ""), ("b", "")], [("d", ""), ("c", ""), ("e", "")]]


def test_files_from_a_list(project: Path, lint: Lint) -> None:
    Path("list.txt").write_text("broken.py\n\nplain.py\n")
    result = lint("--files-from", "list.txt", "--show-files")
    assert result.stdout == "broken.py\nplain.py\n"
    Path("list.txt").write_text("")
    result = lint("--files-from", "list.txt")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "nothing was checked" in result.stdout
    result = lint("--files-from", "nowhere.txt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--files-from: cannot read" in result.stderr
