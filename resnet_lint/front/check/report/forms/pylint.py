"""The lines of pylint's parseable form, `path:line: [CODE] message`, which many CI services read."""

from __future__ import annotations

from resnet_lint.front.report_text import one_line
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View


def report(run: Run, view: View) -> str:
    """A line for each finding, and nothing else."""
    return "".join(
        f"{shown(each.span.path, view.cwd)}:{each.span.start.line}: [{each.rule}] {one_line(each.message)}\n"
        for each in run.findings
    )
