"""Runs the rules on an analysed file, and merges findings about the same expression."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .graph.analysis import Analysis
from .rule import Rule
from .shared.records.findings import Finding
from .shared.records.places import Span
from .shared.records.reports import FileReport


def check(analysis: Analysis, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """The findings of the rules in one file, sorted by location; one finding per fault, with all its module paths."""
    return merged([replace(finding, traits=rule.traits) for rule in rules for finding in rule.check(analysis)])


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Merge findings about the same expression into one with all module paths; sort by location."""
    groups: dict[tuple[Span, str, str | None], list[Finding]] = {}
    for finding in findings:
        module = finding.module if finding.traits.about == "class" else None
        groups.setdefault((finding.span, finding.family, module), []).append(finding)
    return tuple(sorted((_joined(group) for group in groups.values()), key=_place))


def _place(finding: Finding) -> tuple[Span, str]:
    return finding.span, finding.rule


def _joined(group: Sequence[Finding]) -> Finding:
    fullest = min(group, key=lambda finding: finding.traits.rank)
    own = [path for finding in group if finding.target == fullest.target for path in finding.module_paths]
    # The first path is the one whose shapes are shown.
    paths = dict.fromkeys([*fullest.module_paths, *own])
    return replace(fullest, module_paths=tuple(paths))


def nearest_code(code: str, known: Sequence[str]) -> str:
    """Suggest the most similar rule code, as part of a message."""
    nearest = difflib.get_close_matches(code.upper(), known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else "`resnet-lint rules` lists them"


def with_findings(report: FileReport, more: Iterable[Finding]) -> FileReport:
    """The report with additional findings, sorted by location."""
    return replace(report, findings=tuple(sorted((*report.findings, *more), key=_place)))
