"""Adds the options, which `settings.py` declares, to a command: `check`, or the commands for a single model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from . import completion
from .configuration import Given
from .option_types import FLAG
from .settings import OPTIONS, Option, default_of, field_of

Command = Callable[..., int]

_OF_SCANS = (
    "python",
    "timeout",
    "select",
    "ignore",
    "cache",
    "cache-url",
    "unsafe-fixes",
    "fail-on",
    "exit-zero",
    "quiet",
)
_OF_REPORTS = ("format", "output", "fail-on", "exit-zero", "statistics", "verbose", "quiet")

_FILE = click.Path(dir_okay=False, resolve_path=True, path_type=Path)


def takes_settings(command: Command) -> Command:
    """Add all options of Settings to a command, in their order; the command gets the values as `given`."""
    return _with_settings(command, {name: option for name, option in OPTIONS.items() if option.help is not None})


def takes_a_model(command: Command) -> Command:
    """Add the argument `path` and the options for a single model; the command gets their values as `given`."""
    for_models = {name: option for name, option in OPTIONS.items() if option.for_models}
    argument = click.argument("path", metavar="PATH[::Target]", shell_complete=completion.files)
    return argument(_with_settings(command, for_models))


def takes_interpreter(command: Command) -> Command:
    """Add the options for the interpreter and the configuration; the command gets their values as `given`."""
    return _with_settings(command, {"python": OPTIONS["python"]})


def takes_report_settings(command: Command) -> Command:
    """Add the options for a report on results that are there; the command gets their values as `given`."""
    return _as_given(command, {name: OPTIONS[name] for name in _OF_REPORTS})


def takes_scan_settings(command: Command) -> Command:
    """Add the options that hold for many repositories; the command gets their values as `given`."""
    return _with_settings(command, {name: OPTIONS[name] for name in _OF_SCANS})


def _with_settings(command: Command, options: Mapping[str, Option]) -> Command:
    last: Command = click.option("--isolated", is_flag=True, help="Ignore all configuration files.")(command)
    last = click.option("--config", metavar="FILE", type=_FILE, help="Configuration file.")(last)
    return _as_given(last, options)


def _as_given(command: Command, options: Mapping[str, Option]) -> Command:
    @functools.wraps(command)
    def with_given(config: Path | None = None, isolated: bool = False, **values: Any) -> int:
        settings = {field: values.pop(field) for field in map(field_of, options)}
        given = {field: value for field, value in settings.items() if value not in (None, ())}
        return command(**values, given=Given(given, config, isolated))

    last: Command = with_given
    for name, option in reversed(list(options.items())):
        last = _click_option(name, option)(last)
    return last


def _click_option(name: str, option: Option) -> Callable[[Command], Command]:
    is_flag = option.type is FLAG
    spelled = f"--{name}/--no-{name}" if is_flag and option.in_file else f"--{name}"
    short = [f"-{option.letter}"] if option.letter else []
    completed = getattr(completion, option.type.completes) if option.type.completes is not None else None
    values: dict[str, Any] = {
        "is_flag": is_flag,
        "help": _help(name, option),
        "shell_complete": completed,
        **option.type.click,
    }
    return click.option(*short, spelled, default=None, **values)


def _help(name: str, option: Option) -> str | None:
    default = "on" if default_of(name) is True else default_of(name)
    return f"{option.help} Default: {default:{'g' if isinstance(default, float) else ''}}." if default else option.help
