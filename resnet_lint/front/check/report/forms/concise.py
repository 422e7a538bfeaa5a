"""One line per finding, for editors and `grep`; `[*]` marks fixable findings."""

from __future__ import annotations

from resnet_lint.shared.records.reports import Run

from .. import View
from ..headline import headline
from ..summary import closing_lines


def report(run: Run, view: View) -> str:
    """The findings, and the closing lines of the text report."""
    lines = [
        headline(finding, view, "[*]" if finding.fix is not None and finding.fix.edits else "")
        for finding in run.findings
    ]
    return "".join(f"{line}\n" for line in [*lines, *closing_lines(run, view)])
