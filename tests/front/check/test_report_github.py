"""Workflow commands, parsed as the runner of GitHub Actions parses them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_runs import full_run, mismatch, run_of, span, write_block

from resnet_lint.front.check.report import View, render
from resnet_lint.shared.records.findings import Severity
from resnet_lint.shared.records.reports import Run


@dataclass(frozen=True)
class Command:
    level: str
    properties: dict[str, str]
    message: str


def unescape(text: str, *separators: str) -> str:
    for char in ("\r", "\n", *separators, "%"):  # the percent sign last, or %250A would become a line end
        text = text.replace(f"%{ord(char):02X}", char)
    return text


def parse(line: str) -> Command:
    """A line of the log by the documented grammar: `::level name=value,name=value::message`."""
    assert line.startswith("::")
    head, separator, message = line[2:].partition("::")
    assert separator
    level, _, listed = head.partition(" ")
    pairs = [pair.split("=", 1) for pair in listed.split(",") if pair]
    return Command(level, {name: unescape(value, ":", ",") for name, value in pairs}, unescape(message))


def report_of(run: Run, folder: Path, **view: Any) -> list[str]:
    return render("github", run, View(folder, **view)).split("\n")[:-1]


def test_a_finding_is_an_annotation_on_its_line(tmp_path: Path) -> None:
    error, warning, _ = report_of(full_run(tmp_path), tmp_path)
    assert parse(error) == Command(
        "error",
        {
            "file": "models/block.py",
            "line": "8",
            "endLine": "8",
            "col": "9",
            "endColumn": "24",
            "title": "RL103 residual-shape-mismatch",
        },
        "models/block.py:8:9: RL103 the addition cannot work: the residual branch has 128 channels at 16x16, "
        "the shortcut 64 at 32x32\n"
        "residual branch  (2, 128, 16, 16)\n"
        "shortcut         (2, 64, 32, 32)\n"
        "cause, line 7: conv1: 64 -> 128 channels, stride 2\n"
        "cause, models/layers.py:3: conv2: 128 -> 128 channels\n"
        "in ResNet(BasicBlock, [2, 2, 2, 2]) at layer2.0, layer3.0, layer4.0\n"
        "fix (verified): project the shortcut: nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False)",
    )
    assert parse(warning).level == "warning"


def test_the_log_ends_with_the_summary(tmp_path: Path) -> None:
    assert report_of(full_run(tmp_path), tmp_path)[-1].startswith("1 error, 1 warning; 1 class checked, 2 not checked")


def test_a_quiet_report_is_annotations_only(tmp_path: Path) -> None:
    assert all(line.startswith("::") for line in report_of(full_run(tmp_path), tmp_path, quiet=True))


def test_statistics_stand_in_the_log(tmp_path: Path) -> None:
    lines = report_of(full_run(tmp_path), tmp_path, statistics=True)
    assert [line for line in lines if line.startswith("1  RL103")]


def test_colours_are_for_terminals_only(tmp_path: Path) -> None:
    assert report_of(full_run(tmp_path), tmp_path, colour=True) == report_of(full_run(tmp_path), tmp_path)


def test_paths_are_those_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    run = full_run(tmp_path)
    assert report_of(run, tmp_path / "models") == report_of(run, tmp_path)


def test_several_lines_have_no_columns(tmp_path: Path) -> None:
    finding = dataclasses.replace(mismatch(tmp_path), span=span(tmp_path / "a.py", 3, 5, 4, 2))
    properties = parse(report_of(run_of(tmp_path / "a.py", finding), tmp_path)[0]).properties
    assert (properties["line"], properties["endLine"]) == ("3", "4")
    assert not {"col", "endColumn"} & properties.keys()


@given(
    message=st.text(st.sampled_from("%:,=\n\r0AaD25 ;]"), min_size=1),
    name=st.text(st.sampled_from("%:,=\r\n0Aa "), min_size=1),
)
def test_the_runner_reads_back_what_was_said(message: str, name: str) -> None:
    folder = Path("/project")
    finding = dataclasses.replace(mismatch(folder), message=message, span=span(folder / f"_{name}.py", 1, 1, 1, 2))
    [line] = report_of(run_of(folder, finding), folder, quiet=True)
    command = parse(line)
    assert command.properties["file"] == f"_{name}.py"
    assert command.properties["title"] == "RL103 residual-shape-mismatch"
    assert f"RL103 {' '.join(message.split())}" in command.message


@pytest.mark.parametrize(("severity", "level"), [("error", "error"), ("warning", "warning"), ("info", "notice")])
def test_severities(severity: Severity, level: str, tmp_path: Path) -> None:
    path = write_block(tmp_path)
    assert parse(report_of(run_of(path, mismatch(path, severity=severity)), tmp_path)[0]).level == level


def test_more_than_github_shows_is_said_first(tmp_path: Path) -> None:
    path = write_block(tmp_path)
    ten = [mismatch(path)] * 10
    assert parse(report_of(run_of(path, *ten), tmp_path)[0]).level == "error"
    assert parse(report_of(run_of(path, *ten, mismatch(path)), tmp_path)[0]) == Command(
        "notice", {}, "11 errors: GitHub shows 10 of a kind, the log of this step has all"
    )


def test_nothing_checked_is_a_warning(tmp_path: Path) -> None:
    run = Run((), None, 0.0, notes=("no Python file in ::error::x",))
    [line] = report_of(run, tmp_path, quiet=True)
    assert parse(line) == Command("warning", {}, "nothing was checked: no Python file in ::error::x")
