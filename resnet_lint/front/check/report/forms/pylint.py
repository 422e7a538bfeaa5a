"""The lines of pylint's parseable form, `path:line: [CODE] message`, which many CI services read."""

from __future__ import annotations

from resnet_lint.front.report_text import one_line
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View


def report(run: Run, view: View) -> str:
    """A line for each finding, and nothing else."""
    return "".join(
        f"{shown(found.span.path, view.cwd)}:{found.span.start.line}: [{found.rule}] {one_line(found.message)}\n"
        for found in run.findings
    )
