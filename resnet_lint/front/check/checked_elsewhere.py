"""Merges coverage over a run: a class may be checked in the models of another file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import ClassStatus, FileReport
from resnet_lint.shared.source_text import shown

_Key = tuple[str, str]


def joined(reports: Sequence[FileReport], cwd: Path) -> list[FileReport]:
    """The reports of a run, with classes that were checked by another file's traces counted as checked."""
    covered: dict[_Key, str] = {}
    for report in reports:
        for found in report.elsewhere:
            covered.setdefault((found.path, found.name), f"{shown(report.path, cwd)}: {found.how}")
    return [_with(report, covered) for report in reports]


def _with(report: FileReport, covered: dict[_Key, str]) -> FileReport:
    newly = {status.name for status in report.classes if status.status == "failed" and _key(status) in covered}
    if not newly:
        return report
    return replace(
        report,
        classes=tuple(
            replace(status, status="checked", how=covered[_key(status)], reason=None)
            if status.name in newly
            else status
            for status in report.classes
        ),
        findings=tuple(finding for finding in report.findings if not _is_about(finding, newly)),
    )


def _key(status: ClassStatus) -> _Key:
    return status.path, status.name


def _is_about(finding: Finding, names: set[str]) -> bool:
    return finding.traits.about == "class" and finding.module in names
