"""`resnet-lint check`: its options, the run, the report and the exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.write_file import write_atomically

from ..exit import FAILED, fail
from ..options.option_types import FLAG
from ..options.settings import OPTIONS, Settings, default_of, load

# The stages are imported where they run, so that --help does not wait for them.
if TYPE_CHECKING:
    from resnet_lint.shared.records.reports import Run


def _setting_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options of Settings for click, in their order there."""
    for name, option in reversed(list(OPTIONS.items())):
        if option.help is not None:
            is_flag = option.kind is FLAG
            spelled = f"--{name}/--no-{name}" if is_flag and option.in_file else f"--{name}"
            more = {"is_flag": is_flag, **option.kind.click}
            command = click.option(spelled, default=None, help=_help(name, option.help), **more)(command)
    return command


def _help(name: str, text: str) -> str:
    default = "on" if default_of(name) is True else default_of(name)
    return f"{text} Default: {default:{'g' if isinstance(default, float) else ''}}." if default else text


_FILE = click.Path(dir_okay=False, resolve_path=True, path_type=Path)


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@_setting_options
@click.option("--config", metavar="FILE", type=_FILE, help="Read [tool.resnet-lint] from this file.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
def check(paths: tuple[str, ...], config: Path | None, isolated: bool, **options: Any) -> int:
    """Check Python files, folders, or one class (file.py::Class); by default the current folder.

    Exit code 0: no finding at or above --fail-on. 1: there are some. 2: the check could not be done.
    """
    cwd = Path.cwd()
    given = {name: value for name, value in options.items() if value not in (None, ())}
    settings = load(given, cwd=cwd, config=config, isolated=isolated)
    if settings.output is not None and not settings.output.parent.is_dir():
        raise UsageError(f"--output: there is no folder {settings.output.parent}")
    if settings.write_baseline and settings.baseline is None:
        raise UsageError("--write-baseline: where to? give --baseline FILE as well, or set it in the configuration")
    if settings.fix and settings.diff:
        raise UsageError("--fix writes and --diff only shows; give one of them")
    run = _run(paths or (".",), settings, cwd)
    _show(run, settings, cwd)
    for fault in run.faults:
        fail(fault)
    return FAILED if run.faults else _exit_code(run, settings)


def _run(paths: tuple[str, ...], settings: Settings, cwd: Path) -> Run:
    from ..terminal import Progress
    from ..workers.answer_cache import Cache
    from ..workers.interpreter import chooser
    from ..workers.worker_client import Workers
    from . import pipeline

    choose = chooser(settings.python, Path(os.path.abspath(cwd / paths[0].partition("::")[0])))
    with (
        Progress(sys.stderr) as progress,
        Workers(choose) as workers,
        Cache(workers, choose) if settings.cache else contextlib.nullcontext(workers) as analyser,
    ):
        return pipeline.check(paths, settings, analyser, cwd=cwd, progress=progress)


def _show(run: Run, settings: Settings, cwd: Path) -> None:
    from resnet_lint.rule_loader import load_rules

    from .report import View, render

    colour = settings.output is None and _is_terminal() and not os.environ.get("NO_COLOR")
    rules = load_rules([str(folder) for folder in settings.rules])
    view = View(cwd, colour, settings.verbose, settings.quiet, settings.statistics, rules)
    text = render("diff" if settings.diff else settings.format, run, view)
    if settings.output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a source line may hold what the terminal's encoding lacks
        click.echo(text, nl=False, color=colour)
        return
    try:
        write_atomically(settings.output, text.encode())
    except OSError as error:
        raise UsageError(f"--output: cannot write {settings.output}: {error.strerror}") from error


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _exit_code(run: Run, settings: Settings) -> int:
    from .merge_reports import at_least

    return int(settings.fail_on != "never" and at_least(run.findings, settings.fail_on))
