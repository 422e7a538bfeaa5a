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
    """Explain an error about shapes from its traceback: a file, or standard input.

    Where the files that it names are here, their models are checked, and the finding on that line is shown with its
    fix. Otherwise the text alone is explained.

    Exit code 0: the text alone was explained. 1: a finding is behind it. 2: it could not be explained.
    """
    text = _read(log)
    meaning, cwd = meaning_of(text), Path.cwd()
    if meaning is None and not frames_in(text):
        raise UsageError("there is no traceback and no error about shapes in it")
    if meaning is not None:
        click.echo(f"{meaning}\n")
    for frame in reversed(frames_in(text)):
        if (path := found_here(frame, cwd)) is not None and path.suffix == ".py" and _finding_shown(path, frame, cwd):
            return 1
    if meaning is None:
        raise UsageError("this is no known error about shapes, and a check finds nothing on the lines it names")
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
        raise UsageError("the log is empty; paste the whole traceback")
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
    """The run with the findings whose expression covers a line."""
    at = str(path.absolute())
    files = tuple(
        replace(each, findings=tuple(f for f in each.findings if f.span.path == at and line in f.span.lines))
        for each in run.files
    )
    return replace(run, files=files)


def _why_text_alone(frames: list[Frame], cwd: Path) -> str:
    here = [frame for frame in frames if found_here(frame, cwd) is not None]
    if not frames:
        return "This is from the text alone: it names no file."
    if not here:
        return f"This is from the text alone: {frames[-1].path} is not here."
    return f"This is from the text alone: a check finds nothing on line {here[-1].line} of {here[-1].path}."
