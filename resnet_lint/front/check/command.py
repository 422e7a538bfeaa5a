"""The command `check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resnet_lint.shared.errors import UsageError

from ..options.command_options import takes_settings
from ..options.completion import files
from ..options.configuration import Given
from ..options.settings import Settings
from ..write_report import require_folder

# The stages are imported inside the functions, to keep --help fast.
if TYPE_CHECKING:
    from .plan import Asked


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, shell_complete=files)
@takes_settings
def check(paths: tuple[str, ...], given: Given) -> int:
    """Check Python files, directories, or one class (file.py::Class); by default the current directory.

    `-` reads a file from standard input.

    Exit code 0: no findings at or above --fail-on. 1: there are findings. 2: the check could not run.
    """
    cwd = Path.cwd()
    settings = given.load(cwd)
    _require_compatible(settings)
    if settings.show_settings:
        return _show_settings(settings)

    from . import standard_input, watch
    from .check_and_report import analyser, check_and_report

    stdin = standard_input.read(paths, settings, cwd)
    paths = _with_listed(paths, settings)
    asked: Sequence[Asked] = (stdin,) if stdin is not None else paths
    if settings.show_files:
        return _show_files(asked, settings, cwd)
    with analyser(settings, next(iter(asked), "."), cwd) as workers:
        if not settings.watch:
            return check_and_report(asked, settings, workers, cwd)
        if stdin is not None:
            raise UsageError("--watch cannot be combined with standard input")
        watch.check_on_change(paths, given, workers, cwd)


def _with_listed(paths: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    """The paths on the command line and in the list; without any of both, the current directory."""
    if settings.files_from is None:
        return paths or (".",)
    from ..source.path_list import read_paths

    return *paths, *read_paths(settings.files_from)


def _require_compatible(settings: Settings) -> None:
    """Raise UsageError for conflicting options."""
    require_folder(settings.output)
    if settings.write_baseline and settings.baseline is None:
        raise UsageError("--write-baseline requires --baseline FILE")
    if settings.files_from is not None and settings.stdin_filename is not None:
        raise UsageError("--files-from cannot be combined with --stdin-filename")
    if settings.fix and settings.diff:
        raise UsageError("--fix cannot be combined with --diff")


def _show_settings(settings: Settings) -> int:
    from ..options.show_settings import as_toml

    click.echo(as_toml(settings), nl=False)
    return 0


def _show_files(asked: Sequence[Asked], settings: Settings, cwd: Path) -> int:
    from .plan import files_to_check

    for file in files_to_check(asked, settings, cwd):
        click.echo(f"{file.display}::{file.only_class}" if file.only_class else file.display)
    return 0
