"""The Code Quality report of GitLab, validated against the requirements in its documentation."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sample_runs import BLOCK, full_run, mismatch, run_of, span, write_block

from resnet_lint.front.check.report import View, render
from resnet_lint.shared.records.findings import Severity
from resnet_lint.shared.records.reports import Run

# https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format, stricter where GitLab takes anything:
# an entry that lacks a field or repeats a fingerprint is dropped there without a word.
POSITIVE = {"type": "integer", "minimum": 1}
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1, "pattern": r"^[^\n]*$"},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32,}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!/|\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": POSITIVE, "end": POSITIVE},
                    },
                },
            },
        },
    },
}


def report_of(run: Run, folder: Path) -> Any:
    report = json.loads(render("gitlab", run, View(folder)))
    jsonschema.validate(report, SCHEMA)
    assert len({entry["fingerprint"] for entry in report}) == len(report)
    return report


def test_a_finding_says_what_gitlab_reads(tmp_path: Path) -> None:
    first, second = report_of(full_run(tmp_path), tmp_path)
    del first["fingerprint"]
    assert first == {
        "description": "RL103: the addition cannot work: the residual branch has 128 channels at 16x16, "
        "the shortcut 64 at 32x32",
        "check_name": "RL103",
        "severity": "major",
        "location": {"path": "models/block.py", "lines": {"begin": 8, "end": 8}},
    }
    assert (
        second["description"]
        == "RL004: forward() failed: \N{REPLACEMENT CHARACTER}[31mbad\N{REPLACEMENT CHARACTER}[0m input"
    )


def test_no_findings_is_an_empty_list(tmp_path: Path) -> None:
    assert report_of(Run((), None, 0.0), tmp_path) == []


@pytest.mark.parametrize(("severity", "shown"), [("error", "major"), ("warning", "minor"), ("info", "info")])
def test_severities(severity: Severity, shown: str, tmp_path: Path) -> None:
    path = write_block(tmp_path)
    [entry] = report_of(run_of(path, mismatch(path, severity=severity)), tmp_path)
    assert entry["severity"] == shown


def test_equal_findings_are_all_shown(tmp_path: Path) -> None:
    path = write_block(tmp_path)
    assert len(report_of(run_of(path, mismatch(path), mismatch(path)), tmp_path)) == 2


def test_paths_and_fingerprints_are_those_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    run = full_run(tmp_path)
    assert report_of(run, tmp_path / "models") == report_of(run, tmp_path)


def test_moved_lines_keep_their_fingerprint(tmp_path: Path) -> None:
    path = write_block(tmp_path)
    [before] = report_of(run_of(path, mismatch(path)), tmp_path)
    path.write_text("\n" + BLOCK)
    moved = dataclasses.replace(mismatch(path), span=span(path, 9, 9, 9, 24))
    [after] = report_of(run_of(path, moved), tmp_path)
    assert (before["location"]["lines"]["begin"], after["location"]["lines"]["begin"]) == (8, 9)
    assert after["fingerprint"] == before["fingerprint"]
