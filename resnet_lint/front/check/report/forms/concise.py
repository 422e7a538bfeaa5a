"""A line for each finding, which editors and `grep` take apart; `[*]` marks what `--fix` can write."""

from __future__ import annotations

from resnet_lint.shared.records.reports import Run

from .. import View
from ..headline import headline
from ..summary import closing_lines


def report(run: Run, view: View) -> str:
    """The findings, then what the text report ends with."""
    lines = [
        headline(finding, view, "[*]" if finding.fix is not None and finding.fix.edits else "")
        for finding in run.findings
    ]
    return "".join(f"{line}\n" for line in [*lines, *closing_lines(run, view)])
