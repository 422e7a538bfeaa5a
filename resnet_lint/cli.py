"""The command line: options in, a report and an exit code out."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .config import OPTIONS, Settings, default_of, load
from .errors import ResnetLintError, UsageError
from .executor import commands as executor
from .files import write_atomically
from .kinds import FLAG
from .tracing import commands as tracing

# The stages are imported where they run, so that --help does not wait for them.
if TYPE_CHECKING:
    from .records import Run
    from .rule import Rule

_FAILED = 2
_INTERRUPTED = 130


class _Commands(click.Group):
    """A group whose default command is `check`, and whose failures are one line on stderr."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "--help", "--version"}:
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            code = _fail("interrupted", _INTERRUPTED)
        except click.ClickException as error:
            code = _fail(error.format_message())
        except ResnetLintError as error:
            code = _fail(str(error))
        except Exception as error:
            code = _fail(_fault(error))
        if standalone_mode:
            sys.exit(code)
        return code


def _fail(line: str, code: int = _FAILED) -> int:
    click.echo(f"resnet-lint: {' '.join(line.split())}", err=True)
    return code


def _fault(error: Exception) -> str:
    """One line about a fault of the tool itself; the traceback only for who asks for it."""
    name = f"a fault of resnet-lint itself: {type(error).__name__}: {error}"
    if os.environ.get("RESNET_LINT_TRACEBACK"):
        traceback.print_exception(error)
        return name
    return f"{name}; RESNET_LINT_TRACEBACK=1 shows where"


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


@click.group(cls=_Commands)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Find skip connections that are wrong in PyTorch models, before anything runs.

    `resnet-lint PATH...` is short for `resnet-lint check PATH...`. A file or folder that is itself named like a command
    is reached as ./check.
    """


@main.command()
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
        _fail(fault)
    return _FAILED if run.faults else _exit_code(run, settings)


def _run(paths: tuple[str, ...], settings: Settings, cwd: Path) -> Run:
    from . import pipeline
    from .cache import Cache
    from .interpreter import chooser
    from .progress import Progress
    from .workers import Workers

    choose = chooser(settings.python, Path(os.path.abspath(cwd / paths[0].partition("::")[0])))
    with (
        Progress(sys.stderr) as progress,
        Workers(choose) as workers,
        Cache(workers, choose) if settings.cache else contextlib.nullcontext(workers) as analyser,
    ):
        return pipeline.check(paths, settings, analyser, cwd=cwd, progress=progress)


def _show(run: Run, settings: Settings, cwd: Path) -> None:
    from .report import View, render
    from .rule import load_rules

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
    from .findings import at_least

    return int(settings.fail_on != "never" and at_least(run.findings, settings.fail_on))


@main.command()
@click.argument("code", required=False)
def rules(code: str | None) -> None:
    """List the rules, or explain one with a bad and a good example."""
    from .rule import load_rules

    folders = [str(folder) for folder in load({}, cwd=Path.cwd()).rules]
    known = load_rules(folders)
    click.echo(_list(known) if code is None else _explain(_find(code, known)))


def _list(known: tuple[Rule, ...]) -> str:
    from tabulate import tabulate

    return tabulate([(rule.code, rule.name, rule.severity) for rule in known], ["code", "name", "severity"])


def _find(code: str, known: tuple[Rule, ...]) -> Rule:
    from .findings import nearest_code

    for rule in known:
        if rule.code == code:
            return rule
    raise UsageError(f"no rule has the code {code!r}; {nearest_code(code, [rule.code for rule in known])}")


def _explain(rule: Rule) -> str:
    parts = [f"{rule.code} {rule.name} ({rule.severity})", inspect.getdoc(rule) or ""]
    for title, cases in (("Bad", rule.bad), ("Good", rule.good)):
        case = next((case for case in cases if case.code.strip()), None)  # one shows the point; the rest are tests
        if case is not None:
            parts += [f"{title}: {case.name}", textwrap.indent(textwrap.dedent(case.code).strip(), "    ")]
    return "\n\n".join(parts)


main.add_command(executor.run)
main.add_command(executor.metrics)
main.add_command(tracing.trace)
