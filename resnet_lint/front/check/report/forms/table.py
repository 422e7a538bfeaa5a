"""The report as tables: findings, classes if `verbose`, and the summary."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from resnet_lint.front.report_text import one_line
from resnet_lint.shared.notebook import place_in
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View
from ..summary import class_line, closing_lines

_WIDEST = 72


def report(run: Run, view: View) -> str:
    """One row per finding, and the closing lines of the text report."""
    blocks = []
    if run.findings:
        rows = [_row(finding, view) for finding in run.findings]
        blocks.append(_table(rows, ["place", "rule", "severity", "message"]))
    if view.verbose and not view.quiet and run.classes:
        statuses = [
            (f"{shown(status.path, view.cwd)}:{status.line}", status.name, class_line(status)) for status in run.classes
        ]
        blocks.append(_table(statuses, ["place", "class", "status"]))
    blocks.append("\n".join(closing_lines(run, view)))
    text = "\n\n".join(filter(None, blocks))
    return f"{text}\n" if text else ""


def _row(finding: Finding, view: View) -> tuple[str, ...]:
    start = finding.span.start
    place = f"{shown(finding.span.path, view.cwd)}:{place_in(finding.span.path, start.line)}:{start.column}"
    return place, finding.rule, finding.severity, one_line(finding.message)


def _table(rows: Sequence[tuple[str, ...]], headers: Sequence[str]) -> str:
    widths = [*[None] * (len(headers) - 1), _WIDEST]  # only the last column is prose
    return tabulate(rows, headers, disable_numparse=True, maxcolwidths=widths)
