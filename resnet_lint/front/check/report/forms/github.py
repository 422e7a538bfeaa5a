"""Annotations on the lines of a pull request: workflow commands for GitHub Actions.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from resnet_lint.front.report_text import count
from resnet_lint.shared.notebook import is_notebook, place_in
from resnet_lint.shared.records.findings import Finding, Severity
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View
from ..facts import explanation
from ..repository import repository
from ..summary import checked_classes, nothing_checked, statistics, summary

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_SHOWN = 10  # per level and step; GitHub silently drops the rest


def report(run: Run, view: View) -> str:
    """One command per finding, and the closing lines of the text report for readers of the log."""
    view = replace(view, colour=False)
    root = repository(view.cwd)
    lines = [*_hidden(run), *(_annotation(finding, root) for finding in run.findings)]
    if not checked_classes(run):
        lines.append(_command("warning", "\n".join(nothing_checked(run, view))))
    if view.statistics:
        lines += statistics(run.findings)
    if not view.quiet:
        lines.append(summary(run, view))
    return "".join(f"{line}\n" for line in lines)


def _annotation(finding: Finding, root: Path) -> str:
    """The message starts with the location, because the log does not show that of the command.

    GitHub counts the lines of a notebook's JSON, so its findings are at the file as a whole, with the cell in words.
    """
    start, end, path = finding.span.start, finding.span.end, shown(finding.span.path, root)
    place: dict[str, str | int] = {"file": path, "line": start.line, "endLine": end.line}
    if is_notebook(path):
        place = {"file": path}
    elif start.line == end.line:  # columns are supported on a single line only
        place |= {"col": start.column, "endColumn": end.column}
    where = f"{path}:{place_in(finding.span.path, start.line)}:{start.column}"
    message = f"{where}: {finding.rule} {explanation(finding, root)}"
    return _command(_LEVELS[finding.severity], message, **place, title=f"{finding.rule} {finding.name}")


def _hidden(run: Run) -> Iterator[str]:
    """A notice if GitHub shows fewer annotations than there are; it comes first, so that it is not dropped itself."""
    levels = Counter(_LEVELS[finding.severity] for finding in run.findings)
    many = [count(number, level) for level, number in levels.items() if number > _SHOWN]
    if many:
        yield _command("notice", f"{' and '.join(many)}: GitHub shows {_SHOWN} of a kind, the log of this step has all")


def _command(level: str, message: str, **properties: str | int) -> str:
    listed = ",".join(f"{name}={_escape(str(value), ':,')}" for name, value in properties.items())
    return f"::{level}{' ' if listed else ''}{listed}::{_escape(message)}"


def _escape(text: str, separators: str = "") -> str:
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{separators}" else char for char in text)
