"""pylint's parseable format, `path:line: [CODE] message`, for CI services."""

from __future__ import annotations

from resnet_lint.front.report_text import one_line
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View


def report(run: Run, view: View) -> str:
    """One line per finding, nothing else."""
    return "".join(
        f"{shown(found.span.path, view.cwd)}:{found.span.start.line}: [{found.rule}] {one_line(found.message)}\n"
        for found in run.findings
    )
