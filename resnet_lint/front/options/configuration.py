"""Where the settings come from: the command line, then resnet-lint.toml or pyproject.toml, then the defaults."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_lint.shared.errors import ConfigError, UsageError

from .option_types import WrongValue, unknown_key
from .settings import OPTIONS, Settings, field_of, name_of

_OWN_FILE, _SHARED_FILE = "resnet-lint.toml", "pyproject.toml"
_SECTION = "[tool.resnet-lint]"


@dataclass(frozen=True)
class Given:
    """What a command line says of the settings: some of them, by their names in Settings, and which file to read."""

    options: Mapping[str, object]
    config: Path | None = None
    isolated: bool = False

    def load(self, cwd: Path, **usual: object) -> Settings:
        """The settings, as `load` below makes them, which says what is raised; `usual` holds where nothing is given."""
        return load({**usual, **self.options}, cwd=cwd, config=self.config, isolated=self.isolated)


def load(given: Mapping[str, object], *, cwd: Path, config: Path | None = None, isolated: bool = False) -> Settings:
    """The settings: what is `given` on the command line by the names of Settings, else the file, else the default.

    The file is `config`, or the nearest from `cwd` upwards: a resnet-lint.toml, or a pyproject.toml that has a section
    for this tool; `isolated` reads none. Raises ConfigError when the file is missing or wrong, and UsageError for a
    wrong value among the `given` and for `config` with `isolated`.
    """
    if config is not None and isolated:
        raise UsageError("--config names a file and --isolated reads none; give only one of them")
    found = None if isolated else _nearest(cwd) if config is None else _read(config)
    values = {} if found is None else found.values()
    told = _from_command_line(given, cwd)
    for name, value in told.items():
        overruled = OPTIONS[name_of(name)].instead_of
        if value and overruled:
            values.pop(field_of(overruled), None)
    file = None if found is None else found.file
    return Settings(cwd if file is None else file.parent, file, frozenset(given), **{**values, **told})


def _from_command_line(given: Mapping[str, object], cwd: Path) -> dict[str, Any]:
    values = {}
    for field, value in given.items():
        try:
            values[field] = OPTIONS[name_of(field)].kind.read(value, cwd)
        except (WrongValue, UsageError) as error:
            raise UsageError(f"--{name_of(field)}: {error}") from error
    return values


@dataclass(frozen=True)
class _Configuration:
    """A file with its keys for this tool, and where in it they are: in a `section`, or at the top of a file of ours."""

    file: Path
    keys: Mapping[str, object]
    section: str

    def values(self) -> dict[str, Any]:
        """The settings by the names of their fields. Raises ConfigError."""
        return {field_of(name): self._value(name, value) for name, value in self.keys.items()}

    def _value(self, name: str, value: object) -> object:
        known = [each for each, option in OPTIONS.items() if option.in_file]
        if name not in OPTIONS:
            raise ConfigError(f"{self.file}: {self.section} has {unknown_key(name, known)}")
        if name not in known:
            raise ConfigError(f"{self.file}: {name} is for the command line only")
        try:
            return OPTIONS[name].kind.read(value, self.file.parent)
        except (WrongValue, UsageError) as error:
            raise ConfigError(f"{self.file}: {name} of {self.section}: {error}") from error


def _nearest(cwd: Path) -> _Configuration | None:
    """The file that counts in a folder; in one and the same folder, a file of our own comes before pyproject.toml."""
    for folder in (cwd, *cwd.parents):
        own, shared = folder / _OWN_FILE, folder / _SHARED_FILE
        if own.is_file():
            return _read(own)
        if shared.is_file() and _section(shared, _parsed(shared)) is not None:
            return _read(shared)
    return None


def _read(file: Path) -> _Configuration:
    """A file of any name: keys stand in [tool.resnet-lint] where it is a pyproject.toml, or has a table `tool` as well.

    Raises ConfigError where it cannot be read, or has no such section.
    """
    parsed = _parsed(file)
    if file.name != _SHARED_FILE and "tool" not in parsed:
        return _Configuration(file, parsed, file.name)
    section = _section(file, parsed)
    if not isinstance(section, dict):
        raise ConfigError(f"{file}: there is no section {_SECTION}")
    return _Configuration(file, section, _SECTION)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot read the configuration: {error.strerror}") from error
    except ValueError as error:  # bad TOML, or bad UTF-8
        raise ConfigError(f"{file}: not valid TOML: {error}") from error


def _section(file: Path, parsed: Mapping[str, Any]) -> Any:
    """The [tool.resnet-lint] of a file as TOML gives it, or None. Raises ConfigError for another spelling of it."""
    tool = parsed.get("tool")
    if not isinstance(tool, dict):
        return None
    if "resnet_lint" in tool:
        raise ConfigError(f"{file}: there is a section [tool.resnet_lint]; it is spelled {_SECTION}")
    return tool.get("resnet-lint")
