"""Which findings are kept, and which of them are one."""

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
    """All findings of the rules on one file, in the order of the file; one finding a fault, with all its places."""
    return merged([replace(finding, traits=rule.traits) for rule in rules for finding in rule.check(analysis)])


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings about the same expression as one that lists all places, sorted by place."""
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
    # The shapes shown are those of the first place named.
    paths = dict.fromkeys([*fullest.module_paths, *own])
    return replace(fullest, module_paths=tuple(paths))


def nearest_code(code: str, known: Sequence[str]) -> str:
    """Advice for a code that does not exist."""
    nearest = difflib.get_close_matches(code.upper(), known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else "`resnet-lint rules` lists them"


def with_findings(report: FileReport, more: Iterable[Finding]) -> FileReport:
    """The report with more findings, all in the order of the file."""
    return replace(report, findings=tuple(sorted((*report.findings, *more), key=_place)))
