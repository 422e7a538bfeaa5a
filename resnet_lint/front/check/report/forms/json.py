"""The report as a JSON object; its schema is schema.json in this folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from resnet_lint import __version__
from resnet_lint.shared.notebook import cell_of
from resnet_lint.shared.records.findings import Finding, Fix
from resnet_lint.shared.records.places import Span
from resnet_lint.shared.records.reports import ClassStatus, Run
from resnet_lint.shared.source_text import shown

from .. import View
from ..summary import checked_classes

VERSION = 1


def report(run: Run, view: View) -> str:
    """The complete run; verbosity and statistics options do not affect it."""
    return json.dumps(_run(run, view), indent=2) + "\n"


def _run(run: Run, view: View) -> dict[str, Any]:
    checked = checked_classes(run)
    return {
        "version": VERSION,
        "tool": {"name": "resnet-lint", "version": __version__, "torch": run.interpreter and run.interpreter.torch},
        "findings": [_finding(finding, view) for finding in run.findings],
        "modules": [_module(status, view) for status in run.classes],
        "summary": {
            "files": len(run.files),
            "modules": len(run.classes),
            "checked": checked,
            "not_checked": len(run.classes) - checked,
            "findings": len(run.findings),
            "fixable": sum(finding.fix is not None and bool(finding.fix.edits) for finding in run.findings),
            "seconds": round(run.seconds, 3),
        },
        **({} if run.part is None else {"part": run.part}),
    }


def _finding(finding: Finding, view: View) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "path": shown(finding.span.path, view.cwd),
        **_place(finding.span),
        "module": finding.module,
        "module_path": next(iter(finding.module_paths), None),
        "module_paths": list(finding.module_paths),
        "target": finding.target,
        "operands": [asdict(operand) for operand in finding.operands],
        "causes": [{**asdict(cause), "path": shown(cause.path, view.cwd)} for cause in finding.causes],
        "fix": None if finding.fix is None else _fix(finding.fix),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    """The fix; its choices only if there are any."""
    record = asdict(fix)
    return record if fix.choices else {key: value for key, value in record.items() if key != "choices"}


def _place(span: Span) -> dict[str, Any]:
    """Start and end; in a notebook, the cell, and lines within it."""
    cell, line = cell_of(span.path, span.start.line)
    start, end = asdict(span.start), asdict(span.end)
    if cell is None:
        return {"start": start, "end": end}
    before = span.start.line - line
    return {"cell": cell, "start": start | {"line": line}, "end": end | {"line": span.end.line - before}}


def _module(status: ClassStatus, view: View) -> dict[str, Any]:
    return {
        "target": f"{shown(status.path, view.cwd)}::{status.name}",
        "line": status.line,
        "status": status.status,
        "how": status.how,
        "reason": status.reason,
        **({"input": {"fed": status.fed, "from": status.fed_from}} if status.fed is not None else {}),
    }
