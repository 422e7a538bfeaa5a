"""Merges findings of several files about the same expression."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from resnet_lint.apply_rules import merged
from resnet_lint.shared.records.findings import SEVERITIES, Finding, Severity
from resnet_lint.shared.records.reports import FileReport


def merge(reports: Sequence[FileReport]) -> tuple[FileReport, ...]:
    """Merge findings about the same expression: a block in blocks.py may be used by the models of many files.

    The merged finding stays in the report on the first file.
    """
    # Keep the first of the most severe findings, so that a warning does not hide an error; one with a verified fix
    # before others, as the file that constructs a block may have to be changed.
    findings = [finding for report in reports for finding in report.findings]
    left = merged(sorted(findings, key=lambda finding: (_rank(finding), _has_fix(finding)), reverse=True))
    joined = []
    for report in reports:
        met = {(finding.span, finding.rule) for finding in report.findings}
        joined.append(replace(report, findings=tuple(f for f in left if (f.span, f.rule) in met)))
        left = tuple(f for f in left if (f.span, f.rule) not in met)
    return tuple(joined)


def at_least(findings: Iterable[Finding], severity: Severity) -> bool:
    """Whether any finding has at least this severity."""
    return any(_rank(finding) >= SEVERITIES.index(severity) for finding in findings)


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _has_fix(finding: Finding) -> bool:
    return finding.fix is not None and finding.fix.verified
