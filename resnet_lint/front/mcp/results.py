"""Turns reports into the short, structured results of the tools."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from resnet_lint.shared.notebook import is_notebook, place_in
from resnet_lint.shared.records.contracts import Contract
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import Rewrite, Run
from resnet_lint.shared.source_text import lines_of, shown, split_lines

from ..check.report.edited_lines import edited_lines
from ..check.report.facts import facts, offers, proofs

_MOST_FINDINGS = 20


def run_fields(run: Run, cwd: Path) -> dict[str, Any]:
    """A run: its findings, the classes that were not checked, and the errors of the tool."""
    failed = [status for status in run.classes if status.status == "failed"]
    fields: dict[str, Any] = {
        "checked": sum(status.status == "checked" for status in run.classes),
        "findings": [_finding(finding, cwd) for finding in run.findings[:_MOST_FINDINGS]],
        "not_checked": [
            {"class": status.name, "file": shown(status.path, cwd), "line": status.line, "reason": status.reason}
            for status in failed
        ],
    }
    if len(run.findings) > _MOST_FINDINGS:
        fields["more_findings"] = len(run.findings) - _MOST_FINDINGS
    notes = [*run.notes, *run.faults]
    return {**fields, "notes": notes} if notes else fields


def rewrite_fields(rewrite: Rewrite, cwd: Path) -> dict[str, Any]:
    """A file that was fixed."""
    name = shown(rewrite.path, cwd)
    return {"file": name, "fixed": rewrite.fixed, "diff": _diff(name, rewrite.before, rewrite.after)}


def contract_fields(contract: Contract | None) -> dict[str, Any]:
    """An input contract; without one, the model is a part of another, or works at no size."""
    if contract is None:
        return {"inputs": [], "conditions": [], "doubt": "there is no contract for a part of a model, or a broken one"}
    return {
        "inputs": [
            {"name": tensor.name, "sizes": list(tensor.sizes), "dtype": tensor.dtype} for tensor in contract.inputs
        ],
        "conditions": [
            {"text": condition.text, "works": list(condition.works), "fails": list(condition.fails)}
            for condition in contract.conditions
        ],
        "doubt": contract.doubt,
    }


def _finding(finding: Finding, cwd: Path) -> dict[str, Any]:
    span = finding.span
    fields: dict[str, Any] = {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": shown(span.path, cwd),
        "line": place_in(span.path, span.start.line) if is_notebook(span.path) else span.start.line,
        "message": finding.message,
        "facts": [*facts(finding, cwd)],
    }
    if finding.fix is not None:
        title = " ".join(": ".join(offer) for offer in offers(finding))
        fields["fix"] = {"title": "; ".join([title, *proofs(finding)]), "verified": finding.fix.verified}
        if finding.fix.edits:
            fields["fix"] |= {"safe": finding.fix.applicability == "safe", "diff": _fix_diff(finding, cwd)}
    return fields


def _fix_diff(finding: Finding, cwd: Path) -> str:
    before = lines_of(finding.span.path)
    edits = finding.fix.edits if finding.fix is not None else ()
    return _diff(shown(finding.span.path, cwd), "\n".join(before), "\n".join(edited_lines(before, edits)))


def _diff(name: str, before: str, after: str) -> str:
    old, new = split_lines(before.replace("\r\n", "\n")), split_lines(after.replace("\r\n", "\n"))
    return "".join(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", n=1))
