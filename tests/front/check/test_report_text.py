"""The text reports."""

from __future__ import annotations

import dataclasses
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_runs import full_run, mismatch, span, write_block
from syrupy.assertion import SnapshotAssertion

from resnet_lint.front.check.report import View, render
from resnet_lint.front.check.report.underline import display, underline, width
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.places import Span
from resnet_lint.shared.records.reports import ClassStatus, FileReport, Run


def text_of(run: Run, folder: Path, **view: Any) -> str:
    return render("text", run, View(folder, **view))


def run_of(*findings: Finding) -> Run:
    path = findings[0].span.path
    return Run((FileReport(path, findings, (ClassStatus(path, "A", 1, "checked"),)),), None, 0.0)


def underlined(source: str, start: tuple[int, int], end: tuple[int, int], folder: Path) -> str:
    path = folder / "model.py"
    path.write_text(source, encoding="utf-8")
    finding = Finding("RL101", "some-rule", "error", "a message", span(path, *start, *end))
    return text_of(run_of(finding), folder, quiet=True)


def test_whole_report(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert text_of(full_run(tmp_path), tmp_path) == snapshot


def test_verbose(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert text_of(full_run(tmp_path), tmp_path, verbose=True) == snapshot


def test_quiet_with_statistics(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert text_of(full_run(tmp_path), tmp_path, quiet=True, statistics=True) == snapshot


def test_an_edit_that_fixes_several_findings_is_shown_once(tmp_path: Path) -> None:
    finding = mismatch(write_block(tmp_path))
    again = dataclasses.replace(finding, span=span(Path(finding.span.path), 9, 1, 9, 2))
    first, second, *_ = text_of(run_of(finding, again), tmp_path).split("\n\n")
    assert "+         identity = self.shortcut(x)" in first
    assert second.splitlines()[-1].strip() == "= the edit is the same as for line 8"


def test_colour(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert text_of(full_run(tmp_path), tmp_path, colour=True) == snapshot


@pytest.mark.parametrize("form", ["text", "table"])
def test_without_colour_nothing_steers_the_terminal(form: str, tmp_path: Path) -> None:
    text = render(form, full_run(tmp_path), View(tmp_path, verbose=True, statistics=True))
    assert {char for char in text if not char.isprintable()} == {"\n"}


def test_table(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert render("table", full_run(tmp_path), View(tmp_path, verbose=True, statistics=True)) == snapshot


def test_many_module_paths_are_shortened(tmp_path: Path) -> None:
    text = text_of(run_of(mismatch(write_block(tmp_path), places=16)), tmp_path)
    assert ") at layer2.0, layer3.0, layer4.0, layer5.0 and 12 more\n" in text


def test_a_finding_without_a_target_names_its_class(tmp_path: Path) -> None:
    finding = dataclasses.replace(mismatch(write_block(tmp_path)), target=None, module_paths=("",))
    assert "\n  = in BasicBlock\n" in text_of(run_of(finding), tmp_path)


def test_an_expression_over_several_lines(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    source = "def f():\n    y = (\n        a\n\n        + b  \n    )\n"
    assert underlined(source, (2, 9), (6, 6), tmp_path) == snapshot


def test_a_long_expression_is_cut(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    source = "y = f(\n" + "".join(f"    {number},\n" for number in range(98)) + ")\n"
    assert underlined(source, (1, 5), (100, 2), tmp_path) == snapshot


def test_tabs_and_wide_characters(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert underlined("\tx = f('深い', é) + y\n", (1, 6), (1, 21), tmp_path) == snapshot


def test_a_place_behind_the_end_of_the_line(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert underlined("def f(\n", (1, 9), (1, 10), tmp_path) == snapshot


@pytest.mark.parametrize("line", [3, 99])
def test_a_line_that_is_not_there_is_not_shown(line: int, tmp_path: Path) -> None:
    assert underlined("x\n", (line, 1), (line, 2), tmp_path) == f"model.py:{line}:1: error: RL101 a message\n"


def test_a_file_that_cannot_be_read_has_no_snippet(tmp_path: Path) -> None:
    finding = Finding("RL001", "unreadable", "error", "gone", span(tmp_path / "gone.py", 1, 1, 1, 2))
    assert text_of(run_of(finding), tmp_path, quiet=True) == "gone.py:1:1: error: RL001 gone\n"


def test_infos_are_counted_when_there_are_some(tmp_path: Path) -> None:
    text = text_of(run_of(mismatch(write_block(tmp_path), severity="info")), tmp_path)
    assert "0 errors, 0 warnings, 1 info; 1 class checked, 0 not checked; 1 file, 0.0 s\n" in text
    assert ": info: RL103 the addition" in text


def nothing(*notes: str, classes: tuple[ClassStatus, ...] = (), findings: tuple[Finding, ...] = ()) -> Run:
    files = (FileReport("/w/a.py", findings, classes),) if classes or findings else ()
    return Run(files, None, 0.0, notes)


@pytest.mark.parametrize("form", ["text", "table"])
@pytest.mark.parametrize("quiet", [False, True])
def test_nothing_checked_says_why(form: str, quiet: bool) -> None:
    view = View(Path("/w"), quiet=quiet)
    text = render(form, nothing("no Python files found in models"), view)
    assert text.splitlines()[0] == "nothing was checked: no Python files found in models"


def test_nothing_checked_for_many_reasons(snapshot: SnapshotAssertion) -> None:
    failed = tuple(ClassStatus("/w/a.py", f"Net{n}", n, "failed", reason="cannot be built") for n in range(1, 9))
    assert text_of(nothing("no nn.Module class in b.py", classes=failed), Path("/w")) == snapshot


def test_nothing_checked_because_the_file_is_broken() -> None:
    broken = Finding("RL001", "unreadable", "error", "syntax error: invalid syntax", span(Path("/w/a.py"), 1, 1, 1, 2))
    text = text_of(nothing(findings=(broken,)), Path("/w"))
    assert "nothing was checked: a.py: syntax error: invalid syntax\n" in text


def test_what_was_passed_over_is_said_beside_what_was_checked(tmp_path: Path) -> None:
    run = dataclasses.replace(full_run(tmp_path), notes=("no nn.Module class in tools.py",))
    assert "no nn.Module class in tools.py\n" in text_of(run, tmp_path)
    assert "nothing was checked" not in text_of(run, tmp_path)


lines = st.text(alphabet=st.sampled_from("ab \t深é́️🙂\x1b\u202e"), max_size=30)


@given(line=lines, data=st.data())
def test_carets_stand_below_their_characters(line: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    marks = underline(line, start, end)
    blanks = len(marks) - len(marks.lstrip(" "))
    # Independently of the code: draw the line cell by cell, and see which cells the characters take.
    cells: list[int] = []
    for index, char in enumerate(line):
        if char == "\t":
            drawn = len(display(line[: index + 1])) - len(display(line[:index]))
            cells += [index] * drawn
        elif not unicodedata.combining(char) and unicodedata.category(char) != "Mn":
            cells += [index] * (2 if unicodedata.east_asian_width(char) == "W" else 1)
    assert blanks == sum(index < start for index in cells)
    assert len(marks) - blanks == max(1, sum(start <= index < end for index in cells))
    assert width(display(line)) == len(cells)


@given(source=st.text(max_size=60), numbers=st.tuples(*[st.integers(1, 9)] * 4))
def test_any_span_of_any_file_can_be_shown(
    source: str, numbers: tuple[int, int, int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.py"
    path.write_bytes(source.encode("utf-8", "replace"))
    line, column, more_lines, end_column = numbers
    place: Span = span(path, line, column, line + more_lines - 1, end_column)
    text = text_of(run_of(Finding("RL101", "some-rule", "error", source, place)), path.parent)
    assert text.startswith(f"any.py:{line}:{column}: error: RL101 ")
