"""The settings of a run: [tool.resnet-lint] of a pyproject.toml, merged with the command line, which wins."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from .errors import ConfigError, UsageError
from .inputs import check_inputs

Format = Literal["text", "json", "table"]
FailOn = Literal["error", "warning", "info", "never"]

FORMATS: tuple[Format, ...] = get_args(Format)
FAIL_ON: tuple[FailOn, ...] = get_args(FailOn)


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do. Paths are absolute; `timeout` is in seconds and for one file.

    `select` and `ignore` hold rule codes or their beginnings (`RL1`). `exclude` holds patterns in the syntax of
    .gitignore, relative to `root`, the folder of the configuration file.
    """

    root: Path
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: FailOn = "error"
    timeout: float = 60.0
    format: Format = "text"
    output: Path | None = None
    statistics: bool = False
    verbose: bool = False
    quiet: bool = False
    rules: tuple[Path, ...] = ()
    input: tuple[str, ...] = ()
    call: str | None = None
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False


def load(given: Mapping[str, object], *, cwd: Path, config: Path | None = None, isolated: bool = False) -> Settings:
    """The settings: what is `given` on the command line by the names of Settings, else the file, else the default.

    The file is `config`, or the nearest pyproject.toml from `cwd` upwards that has a section for this tool; `isolated`
    reads none. Raises ConfigError when the file is missing or wrong, and UsageError for `config` with `isolated`.
    """
    if config is not None and isolated:
        raise UsageError("--config names a file and --isolated reads none; give only one of them")
    file = config if config is not None or isolated else _nearest_file(cwd)
    from_file = {} if file is None else _values(file)
    root = cwd if file is None else file.parent
    return Settings(**{"root": root, **from_file, **given})  # type: ignore[arg-type]


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
    return tool.get("resnet-lint") if isinstance(tool, dict) else None


def _values(file: Path) -> dict[str, object]:
    section = _section(file)
    if not isinstance(section, dict):
        raise ConfigError(f"{file}: there is no section [tool.resnet-lint]")
    return {key.replace("-", "_"): _value(file, key, value) for key, value in section.items()}


def _value(file: Path, key: str, value: object) -> object:
    if key not in _CHECKS:
        nearest = difflib.get_close_matches(key.replace("_", "-").lower(), _CHECKS, n=1)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(sorted(_CHECKS))}"
        raise ConfigError(f"{file}: [tool.resnet-lint] has an unknown key {key!r}; {advice}")
    try:
        return _CHECKS[key](value, file.parent)
    except (_WrongValue, UsageError) as error:
        raise ConfigError(f"{file}: {key} of [tool.resnet-lint]: {error}") from error


class _WrongValue(Exception):
    """A value of the wrong type; the text says what it must be."""

    def __init__(self, wanted: str, value: object) -> None:
        super().__init__(f"{value!r} must be {wanted}")


def _text(value: object, folder: Path) -> str:
    if not isinstance(value, str) or not value:
        raise _WrongValue("a string", value)
    return value


def _texts(value: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise _WrongValue("a list of strings", value)
    return tuple(value)


def _flag(value: object, folder: Path) -> bool:
    if not isinstance(value, bool):
        raise _WrongValue("true or false", value)
    return value


def _seconds(value: object, folder: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise _WrongValue("a number of seconds above 0", value)
    return float(value)


def _one_of(choices: tuple[str, ...]) -> Callable[[object, Path], object]:
    def check(value: object, folder: Path) -> object:
        if value not in choices:
            raise _WrongValue(f"one of {', '.join(choices)}", value)
        return value

    return check


def _path(value: object, folder: Path) -> Path:
    return folder / _text(value, folder)


def _paths(value: object, folder: Path) -> tuple[Path, ...]:
    return tuple(folder / item for item in _texts(value, folder))


def _inputs(value: object, folder: Path) -> tuple[str, ...]:
    return check_inputs(_texts(value, folder))


# What each key may hold. A check gets the value and the file's folder, which paths are relative to.
_CHECKS: dict[str, Callable[[object, Path], object]] = {
    "exclude": _texts,
    "select": _texts,
    "ignore": _texts,
    "fail-on": _one_of(FAIL_ON),
    "timeout": _seconds,
    "format": _one_of(FORMATS),
    "output": _path,
    "statistics": _flag,
    "verbose": _flag,
    "quiet": _flag,
    "rules": _paths,
    "input": _inputs,
    "call": _text,
    "fix": _flag,
    "unsafe-fixes": _flag,
    "diff": _flag,
}
