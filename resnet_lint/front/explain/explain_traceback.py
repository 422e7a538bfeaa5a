"""Explains a traceback: by the finding behind it if its files exist, else by its text alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.places import Position
from resnet_lint.shared.records.reports import Run

from ..check.check_and_report import Analysers, analyser, check
from ..check.report import View, render
from ..exit import fail
from ..options.configuration import load
from .traceback_text import Frame, cleaned, failing_statement, found_here, frames_in
from .wordings import Explanation, explain_last


def explain_traceback(text: str, err: bool = False) -> int:
    """Write the explanation of a traceback to stdout, or to stderr. Returns 1 if there is a finding behind it, else 0.

    Raises UsageError if the error cannot be explained.
    """
    explained, is_found = explanation_of(text, Path.cwd())
    click.echo(explained, err=err)
    return int(is_found)


def explanation_of(text: str, cwd: Path, analysers: Analysers = analyser) -> tuple[str, bool]:
    """The explanation of a traceback, and whether there is a finding behind it. `analysers` check its files.

    Raises UsageError if the error cannot be explained.
    """
    text = cleaned(text)
    explanation = explain_last(text)
    frames = frames_in(text, None if explanation is None else explanation.start)
    if explanation is None and not frames:
        raise UsageError("no traceback and no shape error in the input")
    run = _finding_behind(frames, cwd, analysers)
    if explanation is None and run is None:
        raise UsageError("not a known shape error, and no finding on the lines of the traceback")
    lines = [] if explanation is None else [explanation.meaning]
    if run is not None:
        hint = _hint(explanation, text, frames) if run.findings[0].fix is None else []
        lines += ["", render("text", run, View(cwd, quiet=True)).rstrip("\n"), *hint]
    else:
        lines += [*_place(frames), *_hint(explanation, text, frames), "", _why_text_alone(frames, cwd)]
    return "\n".join(lines).lstrip("\n"), run is not None


def _finding_behind(frames: Sequence[Frame], cwd: Path, analysers: Analysers) -> Run | None:
    """The run of a file of the traceback, with only the finding on its line; the innermost that has one."""
    here = [(path, frame) for frame in reversed(frames) if (path := found_here(frame, cwd)) and path.suffix == ".py"]
    if not here or sys.platform == "win32":
        return None
    settings, runs = load({}, cwd=cwd), dict[Path, Run]()
    with analysers(settings, os.path.relpath(here[0][0], cwd), cwd) as workers:
        for path, frame in here:
            if path not in runs:
                runs[path] = check([os.path.relpath(path, cwd)], settings, workers, cwd)
                for fault in runs[path].faults:
                    fail(fault)
            if (found := _first_on_line(runs[path].findings, path, frame.line)) is not None:
                return _only(runs[path], found)
    return None


def _first_on_line(findings: Sequence[Finding], path: Path, line: int) -> Finding | None:
    """The finding on a line whose expression is evaluated first: those around it may be consequences."""
    at = str(path.absolute())
    on_line = [finding for finding in findings if finding.span.path == at and line in finding.span.lines]
    return min(on_line, key=_evaluation_order, default=None)


def _evaluation_order(finding: Finding) -> tuple[Position, int, int]:
    """Python evaluates an expression after its parts, which end no later than it does."""
    start = finding.span.start
    return finding.span.end, -start.line, -start.column


def _only(run: Run, finding: Finding) -> Run:
    files = (replace(file, findings=tuple(f for f in file.findings if f is finding)) for file in run.files)
    return replace(run, files=tuple(files))


def _place(frames: Sequence[Frame]) -> list[str]:
    if not frames:
        return []
    frame = frames[-1]
    return [f"at {frame.path}:{frame.line}" + (f": {frame.statement}" if frame.statement else "")]


def _hint(explanation: Explanation | None, text: str, frames: Sequence[Frame]) -> list[str]:
    """What to change, from the message and the statement that failed."""
    if explanation is None:
        return []
    statement = frames[-1].statement if frames else ""
    return [f"hint: {explanation.advice(statement or failing_statement(text, explanation.start))}"]


def _why_text_alone(frames: Sequence[Frame], cwd: Path) -> str:
    here = [frame for frame in frames if found_here(frame, cwd) is not None]
    if not frames:
        return "Based on the message alone: there is no file in the traceback."
    if here and sys.platform == "win32":
        return "Based on the message alone: files cannot be checked on Windows."
    if not here:
        return f"Based on the message alone: {frames[-1].path} does not exist."
    return f"Based on the message alone: there is no finding on line {here[-1].line} of {here[-1].path}."
