"""The settings of a run: [tool.resnet-lint] of a pyproject.toml, merged with the command line, which wins."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from resnet_lint.shared.errors import ConfigError, UsageError
from resnet_lint.shared.records.requests import Shard, Target

from ..workers.in_order import usable_cores
from . import option_types
from .option_types import Kind, WrongValue, one_of, unknown_key

Format = Literal["text", "table", "json", "sarif", "github", "gitlab"]
FailOn = Literal["error", "warning", "info", "never"]


@dataclass(frozen=True)
class Option:
    """What can be said of a setting: on the command line, where it has `help`, and in the file by the same name.

    Given on the command line, it overrules the option `instead_of` of the file as well.
    """

    kind: Kind
    help: str | None
    instead_of: str | None
    in_file: bool


def option(
    kind: Kind, help: str | None = None, *, default: Any, instead_of: str | None = None, in_file: bool = True
) -> Any:
    """A field of Settings that the user may set; all that there is to say of an option is said here."""
    return dataclasses.field(default=default, metadata={"option": Option(kind, help, instead_of, in_file)})


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do. Paths are absolute; `timeout` is in seconds and for one file.

    `root` is the folder of the configuration file. The patterns of `exclude` and `per_file_ignores` are relative to it.
    `select` and `ignore` hold rule codes or their beginnings (`RL1`). `given` are the fields that the command line has
    set.
    """

    root: Path
    given: frozenset[str] = frozenset()
    format: Format = option(one_of(get_args(Format)), "The form of the report.", default="text")
    output: Path | None = option(option_types.FILE, "Write the report to a file instead of stdout.", default=None)
    select: tuple[str, ...] = option(option_types.CODES, "Only these rules: RL103,RL2.", default=())
    ignore: tuple[str, ...] = option(option_types.CODES, "Not these rules: RL103,RL2.", default=())
    exclude: tuple[str, ...] = option(option_types.TEXTS, default=())
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = option(option_types.CODES_BY_PATTERN, default=())
    baseline: Path | None = option(option_types.FILE, "Say nothing of the findings in this file.", default=None)
    write_baseline: bool = option(
        option_types.FLAG, "Write the findings that are left into the baseline.", default=False, in_file=False
    )
    input: tuple[str, ...] = option(
        option_types.INPUTS,
        "What to feed forward(): x=2x3x224x224, or ids=2x16:int64. Once for each input.",
        default=(),
    )
    call: str | None = option(option_types.CALL, "How to build the class: 'Net(64, 128, stride=2)'.", default=None)
    targets: tuple[tuple[Path, Target], ...] = option(option_types.TARGETS, default=())
    fail_on: FailOn = option(
        one_of(get_args(FailOn)), "The least severity of a finding that makes the exit code 1.", default="error"
    )
    timeout: float = option(option_types.SECONDS, "The time limit for one file.", default=60.0)
    guard: bool = option(
        option_types.FLAG,
        "Refuse the network, other processes and changes to files while a file is looked at.",
        default=True,
    )
    allow: tuple[str, ...] = option(option_types.ALLOWED, default=())
    jobs: int = option(option_types.COUNT, "How many files to look at at a time.", default=usable_cores())
    shard: Shard | None = option(
        option_types.SHARD,
        "Look only at the Kth of N equal parts of the files, as CI machines do.",
        default=None,
    )
    cache: bool = option(option_types.FLAG, "Keep the answers, and do not ask anew what has not changed.", default=True)
    python: Path | None = option(
        option_types.PATH, "The interpreter that loads the models, or the folder of its environment.", default=None
    )
    fix: bool = option(option_types.FLAG, "Write the verified fixes into the files.", default=False, instead_of="diff")
    unsafe_fixes: bool = option(option_types.FLAG, "Also fix what changes the result of code that runs.", default=False)
    diff: bool = option(
        option_types.FLAG, "Show what --fix would change as a diff; write nothing.", default=False, instead_of="fix"
    )
    rules: tuple[Path, ...] = option(option_types.FOLDERS, "A folder with rules of your own.", default=())
    statistics: bool = option(option_types.FLAG, "Count the findings of each rule.", default=False)
    verbose: bool = option(
        option_types.FLAG, "Show each class: how it was checked, or why it was not.", default=False, instead_of="quiet"
    )
    quiet: bool = option(
        option_types.FLAG,
        "Show the findings only, no summary. Wins over --verbose.",
        default=False,
        instead_of="verbose",
    )


def _field(name: str) -> str:
    return name.replace("-", "_")


def _name(field: str) -> str:
    return field.replace("_", "-")


OPTIONS: Mapping[str, Option] = {
    _name(field.name): field.metadata["option"] for field in dataclasses.fields(Settings) if "option" in field.metadata
}
"""All options by their names, as on the command line and in the file."""


def default_of(name: str) -> object:
    """What an option is when nobody sets it."""
    return getattr(Settings, _field(name))


def load(given: Mapping[str, object], *, cwd: Path, config: Path | None = None, isolated: bool = False) -> Settings:
    """The settings: what is `given` on the command line by the names of Settings, else the file, else the default.

    The file is `config`, or the nearest pyproject.toml from `cwd` upwards that has a section for this tool; `isolated`
    reads none. Raises ConfigError when the file is missing or wrong, and UsageError for a wrong value among the `given`
    and for `config` with `isolated`.
    """
    if config is not None and isolated:
        raise UsageError("--config names a file and --isolated reads none; give only one of them")
    file = config if config is not None or isolated else _nearest_file(cwd)
    values = {} if file is None else _from_file(file)
    told = _from_command_line(given, cwd)
    for name, value in told.items():
        overruled = OPTIONS[_name(name)].instead_of
        if value and overruled:
            values.pop(_field(overruled), None)
    return Settings(cwd if file is None else file.parent, frozenset(given), **{**values, **told})


def _from_command_line(given: Mapping[str, object], cwd: Path) -> dict[str, Any]:
    values = {}
    for field, value in given.items():
        try:
            values[field] = OPTIONS[_name(field)].kind.read(value, cwd)
        except (WrongValue, UsageError) as error:
            raise UsageError(f"--{_name(field)}: {error}") from error
    return values


def _nearest_file(cwd: Path) -> Path | None:
    files = (folder / "pyproject.toml" for folder in (cwd, *cwd.parents))
    return next((file for file in files if file.is_file() and _section(file) is not None), None)


def _section(file: Path) -> Any:
    """The [tool.resnet-lint] of a file as TOML gives it, or None. Raises ConfigError when the file cannot be read."""
    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool")
    except OSError as error:
        raise ConfigError(f"{file}: cannot read the configuration: {error.strerror}") from error
    except ValueError as error:  # bad TOML, or bad UTF-8
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    if not isinstance(tool, dict):
        return None
    if "resnet_lint" in tool:
        raise ConfigError(f"{file}: there is a section [tool.resnet_lint]; it is spelled [tool.resnet-lint]")
    return tool.get("resnet-lint")


def _from_file(file: Path) -> dict[str, Any]:
    section = _section(file)
    if not isinstance(section, dict):
        raise ConfigError(f"{file}: there is no section [tool.resnet-lint]")
    return {_field(name): _value(file, name, value) for name, value in section.items()}


def _value(file: Path, name: str, value: object) -> object:
    known = [each for each, option in OPTIONS.items() if option.in_file]
    if name not in OPTIONS:
        raise ConfigError(f"{file}: [tool.resnet-lint] has {unknown_key(name, known)}")
    if name not in known:
        raise ConfigError(f"{file}: {name} is for the command line only")
    try:
        return OPTIONS[name].kind.read(value, file.parent)
    except (WrongValue, UsageError) as error:
        raise ConfigError(f"{file}: {name} of [tool.resnet-lint]: {error}") from error
