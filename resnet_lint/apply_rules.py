"""Which findings are kept, and which of them are one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .rule import Rule
from .shared.evidence import Analysis
from .shared.records.findings import Finding
from .shared.records.places import Span
from .shared.records.reports import FileReport


def check(analysis: Analysis, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """All findings of the rules on one file, in the order of the file; one finding a fault, with all its places."""
    return merged([finding for rule in rules for finding in rule.check(analysis)])


# The rules that say the same of a failing addition with more or less detail: the fullest one speaks for all places.
_ONE_FAMILY = {"RL101": "addition", "RL102": "addition", "RL103": "addition", "RL106": "addition"}
_FULLEST_FIRST = ("RL103", "RL101", "RL102", "RL106")


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings about the same expression as one that lists all places, sorted by place."""
    groups: dict[tuple[Span, str], list[Finding]] = {}
    for finding in findings:
        family = _ONE_FAMILY.get(finding.rule, finding.rule)
        key = family if finding.rule not in ("RL003", "RL004") else f"{finding.rule} {finding.module}"
        groups.setdefault((finding.span, key), []).append(finding)
    return tuple(sorted((_joined(group) for group in groups.values()), key=_place))


def _place(finding: Finding) -> tuple[Span, str]:
    return finding.span, finding.rule


def _joined(group: Sequence[Finding]) -> Finding:
    def fullness(finding: Finding) -> int:
        return _FULLEST_FIRST.index(finding.rule) if finding.rule in _FULLEST_FIRST else 0

    fullest = min(group, key=fullness)
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
