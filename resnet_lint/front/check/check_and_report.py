"""Runs one check, from the settings to the report and the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

import click

from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import exactly

from ..exit import FAILED, fail
from ..options.settings import Settings
from ..source.discover import SourceFile
from ..terminal import Progress, is_terminal, wants_colour
from ..warm.automatic import keep_tool_loaded, provider
from ..workers import answer_cache, interpreter, shared_cache, worker_client
from ..workers.analyser import Analyser
from ..write_report import write_report
from . import pipeline
from .merge_reports import at_least
from .plan import Asked
from .report import View, render_what_can_be
from .report.summary import is_nothing_checked

Analysers = Callable[[Settings, Asked, Path], AbstractContextManager[Analyser]]
"""Opens an analyser for some settings, the first file or folder, and the working directory."""


@contextlib.contextmanager
def analyser(settings: Settings, first: Asked, cwd: Path) -> Iterator[Analyser]:
    """The analyser for any number of checks, with the interpreter for the `first` file or folder."""
    near = first.path if isinstance(first, SourceFile) else Path(os.path.abspath(cwd / first.partition("::")[0]))
    choose = interpreter.chooser(settings.python, near, settings.cache)
    with worker_client.WorkerClient(choose, provider(settings)) as workers:
        keep_tool_loaded(settings)
        if not settings.cache:
            yield workers
            return
        shared = None if settings.cache_url is None else shared_cache.shared_cache(settings.cache_url)
        with answer_cache.Cache(workers, choose, cwd=cwd, shared=shared) as cache:
            yield cache
        if shared is not None and shared.problem is not None:
            fail(f"--cache-url: {settings.cache_url} was not used: {shared.problem}")


def check_and_report(asked: Sequence[Asked], settings: Settings, workers: Analyser, cwd: Path) -> int:
    """Check, write the report, and return the exit code."""
    run = check(asked, settings, workers, cwd)
    given = next((path for path in asked if isinstance(path, SourceFile)), None)
    return report_and_exit_code(run, settings, cwd, given)


def report_and_exit_code(run: Run, settings: Settings, cwd: Path, given: SourceFile | None = None) -> int:
    """Write the report of a run, and return the exit code. `given` is the file on stdin."""
    run = show(run, settings, cwd, given)
    return FAILED if run.faults else _exit_code(run, settings)


def check(asked: Sequence[Asked], settings: Settings, workers: Analyser, cwd: Path) -> Run:
    """Check with progress on the terminal."""
    with Progress(sys.stderr) as progress:
        return pipeline.check(asked, settings, workers, cwd=cwd, progress=progress)


def show(run: Run, settings: Settings, cwd: Path, given: SourceFile | None = None) -> Run:
    """Write the report to stdout or its file, and faults to stderr; return the run without files that failed to render.

    With --fix, the fixed source of a file `given` on stdin is written to stdout, so the report goes to stderr.
    """
    filters = settings.fix and given is not None
    stream = sys.stderr if filters else sys.stdout
    text, run = _report(run, settings, cwd, stream, {} if given is None else {str(given.path): given.text or ""})
    write_report(text, settings.output, stream)
    if filters and given is not None:
        click.echo(_fixed(run, given), nl=False)
    for fault in run.faults:
        fail(fault)
    return run


def _report(run: Run, settings: Settings, cwd: Path, stream: TextIO, texts: Mapping[str, str]) -> tuple[str, Run]:
    on_screen = settings.output is None
    view = View(
        cwd,
        colour=on_screen and wants_colour(stream),
        links=on_screen and wants_colour(stream) and is_terminal(stream),
        verbose=settings.verbose,
        quiet=settings.quiet,
        statistics=settings.statistics,
        rules=load_rules([str(folder) for folder in settings.rules]),
        texts=_texts(run, settings, texts),
    )
    return render_what_can_be("diff" if settings.diff else settings.format, run, view)


def _texts(run: Run, settings: Settings, given: Mapping[str, str]) -> Mapping[str, str]:
    """The texts that replace the contents of files: after --fix, findings refer to the fixed text."""
    fixed = {rewrite.path: rewrite.after for rewrite in run.rewrites if settings.fix}
    return {path: fixed.get(path, text) for path, text in given.items()}


def _fixed(run: Run, given: SourceFile) -> bytes:
    """The bytes of a file from stdin after --fix."""
    after = next((rewrite.after for rewrite in run.rewrites if rewrite.path == str(given.path)), None)
    if after is None or given.data is None:
        return given.data or b""
    return exactly(given.path, given.data).encoded(after)


def _exit_code(run: Run, settings: Settings) -> int:
    if settings.exit_zero or settings.fail_on == "never":
        return 0
    if settings.fail_on in ("warning", "info") and is_nothing_checked(run):
        return 1
    return int(at_least(run.findings, settings.fail_on))
