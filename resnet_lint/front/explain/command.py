"""The command `explain`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resnet_lint.shared.errors import UsageError

from ..options.completion import files
from ..options.configuration import load
from .traceback_text import Frame, found_here, frames_in
from .wordings import meaning_of

if TYPE_CHECKING:
    from resnet_lint.shared.records.reports import Run


@click.command()
@click.argument("log", required=False, shell_complete=files)
def explain(log: str | None) -> int:
    """Explain a shape error from its traceback, read from a file or from standard input.

    If the files in the traceback exist, they are checked, and the finding on the failing line is shown with its fix.
    Otherwise only the message is explained.

    Exit code 0: only the message was explained. 1: there is a finding. 2: the error could not be explained.
    """
    text = _read(log)
    meaning, cwd = meaning_of(text), Path.cwd()
    if meaning is None and not frames_in(text):
        raise UsageError("no traceback and no shape error in the input")
    if meaning is not None:
        click.echo(f"{meaning}\n")
    for frame in reversed(frames_in(text)):
        if (path := found_here(frame, cwd)) is not None and path.suffix == ".py" and _finding_shown(path, frame, cwd):
            return 1
    if meaning is None:
        raise UsageError("not a known shape error, and no finding on the lines of the traceback")
    click.echo(_why_text_alone(frames_in(text), cwd))
    return 0


def _read(log: str | None) -> str:
    if log in (None, "-"):
        text = sys.stdin.read()
    else:
        try:
            text = Path(str(log)).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"cannot read {log}: {error.strerror}") from error
    if not text.strip():
        raise UsageError("the input is empty; paste the whole traceback")
    return text


def _finding_shown(path: Path, frame: Frame, cwd: Path) -> bool:
    from ..check.report import View, render

    run = _on_line(_checked(path, cwd), path, frame.line)
    if not run.findings:
        return False
    click.echo(render("text", run, View(cwd, quiet=True)), nl=False)
    return True


def _checked(path: Path, cwd: Path) -> Run:
    from ..check.check_and_report import analyser, check

    settings = load({}, cwd=cwd)
    name = os.path.relpath(path, cwd)
    with analyser(settings, name, cwd) as workers:
        return check([name], settings, workers, cwd)


def _on_line(run: Run, path: Path, line: int) -> Run:
    """The run, with only the findings whose expression covers a line."""
    at = str(path.absolute())
    files = tuple(
        replace(file, findings=tuple(f for f in file.findings if f.span.path == at and line in f.span.lines))
        for file in run.files
    )
    return replace(run, files=files)


def _why_text_alone(frames: list[Frame], cwd: Path) -> str:
    here = [frame for frame in frames if found_here(frame, cwd) is not None]
    if not frames:
        return "Based on the message alone: there is no file in the traceback."
    if not here:
        return f"Based on the message alone: {frames[-1].path} does not exist."
    return f"Based on the message alone: there is no finding on line {here[-1].line} of {here[-1].path}."
