"""The types of option values: validation for the command line and the configuration file, and arguments for click."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.notation import called_name, check_inputs
from resnet_lint.shared.records.requests import ALLOWABLE, Shard, Target


class WrongValue(Exception):
    """A value is invalid; the message says what it must be."""

    def __init__(self, wanted: str, value: object) -> None:
        super().__init__(f"{value!r} must be {wanted}")


@dataclass(frozen=True)
class OptionType:
    """A type of option values.

    `read` validates and converts a value; its second argument is the folder that paths are relative to. It raises
    WrongValue or UsageError. `click` are the keyword arguments for click.option;
    `completes` names the function of `completion.py` for shell completion.
    """

    read: Callable[[object, Path], object]
    click: Mapping[str, Any] = field(default_factory=dict)
    completes: Literal["files", "directories", "rule_codes"] | None = None


def _text(value: object, folder: Path) -> str:
    if not isinstance(value, str) or not value:
        raise WrongValue("a string", value)
    return value


def _texts(value: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise WrongValue("a list of strings", value)
    return tuple(value)


def _listed(value: object, folder: Path) -> tuple[str, ...]:
    """A list of strings, which may themselves be comma-separated lists."""
    return tuple(word.strip() for item in _texts(value, folder) for word in item.split(",") if word.strip())


def _flag(value: object, folder: Path) -> bool:
    if not isinstance(value, bool):
        raise WrongValue("true or false", value)
    return value


def _seconds(value: object, folder: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise WrongValue("a positive number of seconds", value)
    return float(value)


def _count(value: object, folder: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise WrongValue("a positive integer", value)
    return value


def _path(value: object, folder: Path) -> Path:
    return Path(os.path.abspath(folder / _text(value, folder)))


def _folder_or_url(value: object, folder: Path) -> str:
    text = _text(value, folder)
    return text if "://" in text else str(_path(text, folder))


def _list(value: object, folder: Path) -> Path:
    return Path("-") if value == "-" else _path(value, folder)


def _paths(value: object, folder: Path) -> tuple[Path, ...]:
    return tuple(_path(item, folder) for item in _texts(value, folder))


def _inputs(value: object, folder: Path) -> tuple[str, ...]:
    return check_inputs(_texts(value, folder))


def _call(value: object, folder: Path) -> str:
    text = _text(value, folder)
    called_name(text)
    return text


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongValue("a table", value)
    return value


def _targets(value: object, folder: Path) -> tuple[tuple[Path, Target], ...]:
    return tuple(_target(key, target, folder) for key, target in _table(value).items())


def _target(key: str, value: object, folder: Path) -> tuple[Path, Target]:
    path, colons, name = key.partition("::")
    if not path or not colons or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{key!r} does not name a file and a class, such as 'models/net.py::Net'")
    options = _table(value)
    for option in options:
        if option not in ("call", "input"):
            raise UsageError(f"{key!r} has {unknown_key(option, ('call', 'input'))}")
    call = _call(options["call"], folder) if "call" in options else None
    origin = f"{key!r} in [tool.resnet-lint.targets]"
    return _path(path, folder), Target(name, call, _inputs(options.get("input", []), folder), origin)


def _codes_by_pattern(value: object, folder: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((pattern, _listed(codes, folder)) for pattern, codes in _table(value).items())


def _allowed(value: object, folder: Path) -> tuple[str, ...]:
    items = _texts(value, folder)
    for item in items:
        if item not in ALLOWABLE and os.sep not in item:
            raise UsageError(
                f"{item!r} must be one of {', '.join(ALLOWABLE)}, or a path with a slash, such as './runs'"
            )
    return tuple(item if item in ALLOWABLE else str(_path(item, folder)) for item in items)


def _shard(value: object, folder: Path) -> Shard:
    parts = value.split("/") if isinstance(value, str) else []
    if len(parts) == 2 and all(part.isdecimal() for part in parts) and 1 <= int(parts[0]) <= int(parts[1]):
        return Shard(int(parts[0]), int(parts[1]))
    raise WrongValue("K/N, the Kth of N parts, such as 2/4", value)


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Describe an unknown key, with the most similar valid one, or all of them."""
    nearest = difflib.get_close_matches(name.replace("_", "-").lower(), known, n=1)
    advice = f"did you mean {nearest[0]!r}?" if nearest else f"valid keys are {', '.join(sorted(known))}"
    return f"an unknown key {name!r}; {advice}"


def one_of(choices: tuple[str, ...]) -> OptionType:
    """One of several strings."""

    def read(value: object, folder: Path) -> object:
        if value not in choices:
            raise WrongValue(f"one of {', '.join(choices)}", value)
        return value

    return OptionType(read, {"type": click.Choice(choices)})


FLAG = OptionType(_flag)
SECONDS = OptionType(_seconds, {"type": float, "metavar": "SECONDS"})
COUNT = OptionType(_count, {"type": int, "metavar": "N"})
CODES = OptionType(_listed, {"multiple": True, "metavar": "CODES"}, "rule_codes")
PATTERNS = OptionType(_listed, {"multiple": True, "metavar": "PATTERNS"})
FILE = OptionType(_path, {"metavar": "FILE"}, "files")
FOLDER_OR_URL = OptionType(_folder_or_url, {"metavar": "URL"}, "directories")
LIST = OptionType(_list, {"metavar": "FILE"}, "files")
PATH = OptionType(_path, {"metavar": "PATH"}, "files")
FOLDERS = OptionType(_paths, {"multiple": True, "metavar": "DIR"}, "directories")
INPUTS = OptionType(_inputs, {"multiple": True, "metavar": "NAME=SHAPE"})
CALL = OptionType(_call, {"metavar": "CALL"})
TARGETS = OptionType(_targets)
ALLOWED = OptionType(_allowed)
SHARD = OptionType(_shard, {"metavar": "K/N"})
CODES_BY_PATTERN = OptionType(_codes_by_pattern)
