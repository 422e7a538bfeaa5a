"""The report in SARIF 2.1.0, with the documentation of the rules, and verified fixes as replacements.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; comments refer to its sections.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from resnet_lint import __version__
from resnet_lint.front.check.fingerprint import fingerprints
from resnet_lint.shared.notebook import is_notebook, place_in
from resnet_lint.shared.records.findings import Finding, Fix, Severity
from resnet_lint.shared.records.places import Cause, Edit, Position
from resnet_lint.shared.records.reports import Run

from .. import View
from ..facts import explanation
from ..repository import repository
from ..rule_help import help_of
from ..summary import checked_classes, coverage, nothing_checked
from ..underline import display

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_ROOT = "%SRCROOT%"

Json = dict[str, Any]


def report(run: Run, view: View) -> str:
    """The complete run as one log: rules, files, findings, and unchecked code as notifications."""
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(run, replace(view, colour=False))]}
    return json.dumps(log, indent=2) + "\n"


def _run(run: Run, view: View) -> Json:
    files = _Files(repository(view.cwd))
    numbers = {rule.code: number for number, rule in enumerate(view.rules)}
    marks = fingerprints(run.findings, files.root, view.texts)
    return {
        "tool": {
            "driver": {
                "name": "resnet-lint",
                "version": __version__,
                "rules": [
                    help_of(rule) | {"defaultConfiguration": {"level": _LEVELS[rule.severity]}} for rule in view.rules
                ],
                "properties": {"torch": run.interpreter and run.interpreter.torch},
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"uri": f"{files.root.as_uri().rstrip('/')}/"}},
        "invocations": [
            {
                "executionSuccessful": not run.faults,
                "toolExecutionNotifications": list(_notifications(run, view, files)),
            }
        ],
        "artifacts": [
            {"location": files.location(path), "roles": ["analysisTarget"], "sourceLanguage": "python"}
            for path in dict.fromkeys(file.path for file in run.files)
        ],
        "results": [
            _result(finding, numbers[finding.rule], mark, files)
            for finding, mark in zip(run.findings, marks, strict=True)
        ],
    }


@dataclass(frozen=True)
class _Files:
    """File locations: URIs relative to the root of the repository, absolute for files outside of it."""

    root: Path

    def location(self, path: str) -> Json:
        if not Path(path).is_relative_to(self.root):  # §3.4.4: no `..` below a base
            return {"uri": Path(path).as_uri()}
        relative = Path(path).relative_to(self.root).as_posix()
        return {"uri": quote(os.fsencode(relative)), "uriBaseId": _ROOT}


def _result(finding: Finding, number: int, mark: str, files: _Files) -> Json:
    """A finding; in a notebook the cell is part of the message, since regions count the lines of its JSON."""
    span, edits = finding.span, finding.fix is not None and finding.fix.edits
    message = explanation(finding, files.root)
    place: Json = {"artifactLocation": files.location(span.path)}
    if is_notebook(span.path):
        edits, message = (), f"{place_in(span.path, span.start.line)}: {message}"
    else:
        place["region"] = _region(span.start, span.end)
    location: Json = {"physicalLocation": place}
    if finding.module is not None:
        location["logicalLocations"] = [{"name": finding.module, "kind": "type"}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": _LEVELS[finding.severity],
        "message": _message(message),
        "locations": [location],
        "relatedLocations": [_related(cause, files) for cause in dict.fromkeys(finding.causes)],
        "partialFingerprints": {"resnetLint/v1": mark},
        "fixes": [_fix(finding.fix, span.path, files)] if finding.fix is not None and edits else [],
    }


def _region(start: Position, end: Position) -> Json:
    """As in our records, SARIF counts from 1, and the end column is exclusive (§3.30)."""
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}


def _related(cause: Cause, files: _Files) -> Json:
    place: Json = {"artifactLocation": files.location(cause.path)}
    if is_notebook(cause.path):
        return {"physicalLocation": place, "message": _message(f"{place_in(cause.path, cause.line)}: {cause.text}")}
    return {
        "physicalLocation": place | {"region": {"startLine": cause.line}},
        "message": _message(cause.text),
    }


def _fix(fix: Fix, path: str, files: _Files) -> Json:
    return {
        "description": _message(fix.title),
        "artifactChanges": [
            {"artifactLocation": files.location(path), "replacements": [_replacement(edit) for edit in fix.edits]}
        ],
        "properties": {"applicability": fix.applicability},
    }


def _replacement(edit: Edit) -> Json:
    return {"deletedRegion": _region(edit.start, edit.end), "insertedContent": {"text": edit.text}}


def _notifications(run: Run, view: View, files: _Files) -> Iterator[Json]:
    """Messages without a location: internal errors, skipped code, and coverage."""
    for fault in run.faults:
        yield _notification("error", fault)
    for file in run.files:
        for note in file.notes:
            yield _notification("note", note) | {
                "locations": [{"physicalLocation": {"artifactLocation": files.location(file.path)}}]
            }
    if not checked_classes(run):
        yield _notification("warning", "\n".join(nothing_checked(run, view)))
    else:
        yield from (_notification("note", note) for note in (*run.notes, coverage(run)))


def _notification(level: str, text: str) -> Json:
    return {"level": level, "message": _message(text)}


def _message(text: str) -> Json:
    """A text without lone surrogates, which strict JSON parsers reject."""
    return {"text": "\n".join(map(display, text.split("\n")))}
