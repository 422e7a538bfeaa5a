"""A fingerprint stays the same if lines move, and differs from that of any other finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sample_runs import BLOCK, mismatch, span, untraced, write_block

from resnet_lint.front.check.fingerprint import fingerprints
from resnet_lint.shared.records.findings import Finding


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_block(tmp_path)


def test_it_stays_when_lines_move_and_shapes_are_told_otherwise(file: Path, tmp_path: Path) -> None:
    before = fingerprints([mismatch(file)], tmp_path)
    file.write_text("# a comment\n\n" + BLOCK.replace("        out += identity", "    \tout  += identity"))
    moved = replace(mismatch(file), span=span(file, 10, 6, 10, 22), message="other shapes", target="ResNet(50)")
    assert fingerprints([moved], tmp_path) == before


def test_it_stays_when_the_project_moves(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    moved = write_block(tmp_path / "elsewhere")
    assert fingerprints([mismatch(moved)], tmp_path / "elsewhere") == fingerprints([mismatch(file)], tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        lambda finding: replace(finding, rule="RL101"),
        lambda finding: replace(finding, module="Bottleneck"),
        lambda finding: replace(finding, span=replace(finding.span, start=replace(finding.span.start, line=7))),
        lambda finding: replace(finding, span=replace(finding.span, path=finding.span.path + "x")),
    ],
    ids=["rule", "module", "line of code", "file"],
)
def test_it_differs_for_another_finding(other: object, file: Path, tmp_path: Path) -> None:
    assert callable(other)
    finding = mismatch(file)
    assert fingerprints([other(finding)], tmp_path) != fingerprints([finding], tmp_path)


def test_equal_findings_are_counted(file: Path, tmp_path: Path) -> None:
    twice = fingerprints([mismatch(file), untraced(file), mismatch(file)], tmp_path)
    assert len(set(twice)) == 3
    assert twice[0] == fingerprints([mismatch(file)], tmp_path)[0]


def test_a_file_without_that_line_is_known_by_its_message(tmp_path: Path) -> None:
    missing = tmp_path / "missing.py"
    findings: list[Finding] = [replace(untraced(missing), message=message) for message in ("one", "two", "one")]
    assert len(set(fingerprints(findings[:2], tmp_path))) == 2
    assert fingerprints(findings[2:], tmp_path) == fingerprints(findings[:1], tmp_path)
