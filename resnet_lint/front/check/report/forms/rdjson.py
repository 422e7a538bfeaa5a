"""The Reviewdog Diagnostic Format, with verified fixes as suggestions for pull requests.

https://github.com/reviewdog/reviewdog/tree/master/proto/rdf
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resnet_lint import HOMEPAGE
from resnet_lint.front.rule_pages import page_of
from resnet_lint.shared.records.findings import Finding, Severity
from resnet_lint.shared.records.places import Position
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View
from ..edited_lines import edited_lines
from ..facts import explanation
from ..repository import repository
from ..underline import display

_SEVERITIES: dict[Severity, str] = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}


def report(run: Run, view: View) -> str:
    """One JSON object with one diagnostic per finding."""
    pages = {rule.code: page_of(rule) for rule in view.rules}
    root = repository(view.cwd)
    found = {
        "source": {"name": "resnet-lint", "url": HOMEPAGE},
        "diagnostics": [_diagnostic(finding, pages.get(finding.rule), root, view) for finding in run.findings],
    }
    return json.dumps(found, indent=2) + "\n"


def _diagnostic(finding: Finding, page: str | None, root: Path, view: View) -> dict[str, Any]:
    lines = view.lines(finding.span.path)
    return {
        "message": "\n".join(map(display, explanation(finding, root).split("\n"))),
        "location": {
            "path": shown(finding.span.path, root),
            "range": {"start": _position(finding.span.start, lines), "end": _position(finding.span.end, lines)},
        },
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.rule, **({"url": page} if page is not None else {})},
        "suggestions": list(_suggestions(finding, lines)),
    }


def _position(at: Position, lines: tuple[str, ...]) -> dict[str, int]:
    """Columns are in UTF-8 bytes, from 1."""
    line = lines[at.line - 1] if at.line <= len(lines) else ""
    behind = at.column - 1 - len(line[: at.column - 1])
    return {"line": at.line, "column": len(line[: at.column - 1].encode("utf-8", "replace")) + behind + 1}


def _suggestions(finding: Finding, lines: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """All edits of a fix as one suggestion of whole lines, because reviewdog supports one range per comment."""
    edits = finding.fix.edits if finding.fix is not None else ()
    if not edits:
        return
    first, last = min(edit.start.line for edit in edits), max(edit.end.line for edit in edits)
    after = edited_lines(lines, edits)
    kept_behind = len(lines) - last
    text = "\n".join(after[first - 1 : len(after) - kept_behind])
    yield {"range": {"start": {"line": first}, "end": {"line": last}}, "text": text}
