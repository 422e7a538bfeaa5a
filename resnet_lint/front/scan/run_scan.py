"""Runs the command `scan`: opens the engine, shows progress, and writes the results."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.findings import SEVERITIES

from ..check.merge_reports import at_least
from ..exit import FAILED, fail
from ..options.configuration import Given
from ..options.settings import Settings
from ..report_text import count
from ..terminal import is_terminal
from . import dask_engine, store
from .rows import rows_of
from .scan import Engine, Progress, Scanned, scan
from .targets import read_targets

_JOURNAL = "journal-{}.jsonl"
_SECONDS_BETWEEN_LINES = 60.0


@dataclass(frozen=True)
class Order:
    """What the user asked for: the arguments of the command."""

    targets: Sequence[str]
    scheduler: str | None
    workers: int
    results: Path
    resume: bool
    patches: Path | None


def run_scan(order: Order, given: Given, cwd: Path) -> int:
    """Scan, write the results, and return the exit code. Raises UsageError."""
    settings = given.load(cwd)
    targets = read_targets(order.targets, cwd)
    run = _run_to_resume(order.results) if order.resume else f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    journal = order.results / _JOURNAL.format(run)
    began = time.perf_counter()
    with _engine(order) as (engine, dashboard):
        click.echo(f"run {run}; dashboard: {dashboard}", err=True)
        progress = Progress(_Line(quiet=settings.quiet).show)
        known, diff = store.known_seconds(order.results), order.patches is not None
        scanned = list(scan(targets, engine, given, journal, known=known, diff=diff, progress=progress))
        workers = engine.workers
    rows = [row for repository in scanned for row in rows_of(repository)]
    store.write_run(order.results, run, [*rows, store.Time(_iso(run), time.perf_counter() - began, workers)])
    journal.unlink()
    if order.patches is not None:
        from .patches import write_patches

        click.echo(write_patches(order.patches, scanned), nl=False)
    click.echo("".join(f"{line}\n" for line in _summary(scanned, run)), nl=False)
    return _exit_code(scanned, settings)


def _engine(order: Order) -> AbstractContextManager[tuple[Engine, str]]:
    if order.scheduler is not None:
        return dask_engine.cluster_engine(order.scheduler)
    return dask_engine.local_engine(order.workers)


def _run_to_resume(results: Path) -> str:
    journals = sorted(results.glob(_JOURNAL.format("*")))
    if not journals:
        raise UsageError(f"--resume: no interrupted scan in {results}")
    return journals[-1].stem.partition("-")[2]


def _iso(run: str) -> str:
    return datetime.strptime(run, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat()


class _Line:
    """Shows progress on stderr: on one line of a terminal, else as a line per minute."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._last = time.monotonic()

    def show(self, progress: Progress) -> None:
        left = progress.seconds_left
        remaining = "" if left is None else f", {_duration(left)} left"
        text = f"{progress.done}/{progress.files} files{remaining}"
        if self._quiet:
            return
        if is_terminal(sys.stderr):
            end = "\n" if progress.done == progress.files else ""
            click.echo(f"\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}{end}", err=True, nl=False)
        elif time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            click.echo(text, err=True)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _summary(scanned: Sequence[Scanned], run: str) -> list[str]:
    lines = [f"{entry.repository.target.label}: {_of_one(entry)}" for entry in scanned]
    for entry in scanned:
        for fault in entry.run.faults if entry.run is not None else ():
            fail(f"{entry.repository.target.label}: {fault}")
    files = sum(len(entry.repository.files) for entry in scanned)
    return [*lines, f"{count(len(scanned), 'repository', 'repositories')}, {count(files, 'file')}; run {run}"]


def _of_one(entry: Scanned) -> str:
    if entry.run is None:
        return f"not checked: {entry.repository.problem}"
    severities = Counter(finding.severity for finding in entry.run.findings)
    found = [count(severities[severity], severity) for severity in reversed(SEVERITIES[1:])]
    checked = sum(status.status == "checked" for status in entry.run.classes)
    left = len(entry.run.classes) - checked
    return f"{', '.join(found)}; {count(checked, 'class', 'classes')} checked, {left} not checked"


def _exit_code(scanned: Sequence[Scanned], settings: Settings) -> int:
    if any(entry.run is None or entry.run.faults for entry in scanned):
        return FAILED
    if settings.exit_zero or settings.fail_on == "never":
        return 0
    return int(any(at_least(entry.run.findings, settings.fail_on) for entry in scanned if entry.run is not None))
