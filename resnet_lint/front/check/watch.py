"""`--watch`: checks again whenever a file changes that the last check read."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import click

from resnet_lint.shared.errors import ResnetLintError
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import digest

from ..exit import fail
from ..options.configuration import Given
from ..options.settings import Settings
from ..terminal import is_terminal
from ..workers.analyser import Analyser
from .check_and_report import check, show
from .plan import discovered

_SECONDS = 0.5

Stamps = dict[Path, object]
"""The files and folders that a check depends on, with stamps that change when they do."""


def check_on_change(paths: Sequence[str], given: Given, workers: Analyser, cwd: Path) -> NoReturn:
    """Check and report until Ctrl-C. Invalid options, paths or configuration are reported in one line every time."""
    while True:
        if is_terminal(sys.stdout):
            click.clear()
        seen = _checked(paths, given, workers, cwd)
        click.echo(f"watching {len(seen)} files and directories; press Ctrl-C to stop", err=True)
        _wait_for_change(seen)


def _checked(paths: Sequence[str], given: Given, workers: Analyser, cwd: Path) -> Stamps:
    """Check once. Files are stamped before they are read, so that no change is missed."""
    seen = _stamps([cwd / "pyproject.toml", cwd / "resnet-lint.toml"])
    try:
        settings = given.load(cwd)
        seen |= _stamps(_discovered(paths, settings, cwd))
        run = check(paths, settings, workers, cwd)
        show(run, settings, cwd)
        seen = dict(_read(run)) | seen
    except ResnetLintError as error:
        fail(str(error))
    return seen


def _discovered(paths: Sequence[str], settings: Settings, cwd: Path) -> Iterator[Path]:
    found = discovered(paths, settings, cwd)
    yield from found.walked
    yield from (file.path for file in found.files)
    yield from found.passed_over
    if settings.file is not None:
        yield settings.file


def _read(run: Run) -> Iterator[tuple[Path, object]]:
    """The files that the results depend on, inside and outside the project."""
    for report in run.files:
        for path, was in (report.reads or {}).items():
            yield Path(path), _stamp(Path(path)) if digest(path) == was else "changed meanwhile"


def _wait_for_change(seen: Stamps) -> None:
    while (now := _stamps(seen)) == seen:
        time.sleep(_SECONDS)
    settled: Stamps = {}
    while now != settled:  # an editor or git may still be writing
        settled = now
        time.sleep(_SECONDS / 5)
        now = _stamps(seen)


def _stamps(paths: Iterable[Path]) -> Stamps:
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> object:
    """A value that changes with a file, or with the Python files and subfolders of a folder; None if missing."""
    try:
        if path.is_dir():
            return sorted(entry.name for entry in os.scandir(path) if entry.name.endswith(".py") or _is_folder(entry))
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() and not entry.name.startswith((".", "__"))
