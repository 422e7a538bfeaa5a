"""Loads the settings: from the command line, then resnet-lint.toml or pyproject.toml, then the defaults."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_lint.shared.errors import ConfigError, UsageError

from .option_types import WrongValue, unknown_key
from .settings import OPTIONS, Settings, field_of, name_of

_OWN_FILE, _SHARED_FILE = "resnet-lint.toml", "pyproject.toml"
_SECTION = "[tool.resnet-lint]"


@dataclass(frozen=True)
class Given:
    """The settings on the command line, by field names of Settings, and the configuration file to read."""

    options: Mapping[str, object]
    config: Path | None = None
    isolated: bool = False

    def load(self, cwd: Path, **defaults: object) -> Settings:
        """Load the settings; `defaults` are overridden by the command line only. Raises the same errors as `load`."""
        return load({**defaults, **self.options}, cwd=cwd, config=self.config, isolated=self.isolated)


def load(given: Mapping[str, object], *, cwd: Path, config: Path | None = None, isolated: bool = False) -> Settings:
    """Load the settings: values `given` on the command line take precedence over the file, and the file over defaults.

    The file is `config`, or the nearest one from `cwd` upwards: resnet-lint.toml, or pyproject.toml if it has a section
    for this tool; `isolated` reads none. Raises ConfigError for a missing or invalid file, and UsageError for an
    invalid value in `given` and for `config` with `isolated`.
    """
    if config is not None and isolated:
        raise UsageError("--config cannot be combined with --isolated")
    found = None if isolated else _nearest(cwd) if config is None else _read(config)
    values = {} if found is None else found.values()
    overrides = _from_command_line(given, cwd)
    for name, value in overrides.items():
        overridden = OPTIONS[name_of(name)].instead_of
        if value and overridden:
            values.pop(field_of(overridden), None)
    file = None if found is None else found.file
    return Settings(cwd if file is None else file.parent, file, frozenset(given), **{**values, **overrides})


def _from_command_line(given: Mapping[str, object], cwd: Path) -> dict[str, Any]:
    values = {}
    for field, value in given.items():
        try:
            values[field] = OPTIONS[name_of(field)].type.read(value, cwd)
        except (WrongValue, UsageError) as error:
            raise UsageError(f"--{name_of(field)}: {error}") from error
    return values


def with_given(settings: Settings, given: Given, cwd: Path) -> Settings:
    """The settings, replaced by those on the command line. Raises UsageError for an invalid value."""
    values = _from_command_line(given.options, cwd)
    return replace(settings, **values, given=settings.given | values.keys())


def parse(text: str, root: Path) -> Settings:
    """The settings in the text of a configuration file of the folder `root`. Raises ConfigError."""
    file = root / _SHARED_FILE
    keys = tomllib.loads(text)["tool"]["resnet-lint"]
    return Settings(root, **_Configuration(file, keys, _SECTION).values())


@dataclass(frozen=True)
class _Configuration:
    """A configuration file with its keys for this tool; `section` is their section, or the file name without one."""

    file: Path
    keys: Mapping[str, object]
    section: str

    def values(self) -> dict[str, Any]:
        """The settings by field name. Raises ConfigError."""
        return {field_of(name): self._value(name, value) for name, value in self.keys.items()}

    def _value(self, name: str, value: object) -> object:
        known = [key for key, option in OPTIONS.items() if option.in_file]
        if name not in OPTIONS:
            raise ConfigError(f"{self.file}: {self.section} has {unknown_key(name, known)}")
        if name not in known:
            raise ConfigError(f"{self.file}: {name} is only available on the command line")
        try:
            return OPTIONS[name].type.read(value, self.file.parent)
        except (WrongValue, UsageError) as error:
            raise ConfigError(f"{self.file}: {name} in {self.section}: {error}") from error


def _nearest(cwd: Path) -> _Configuration | None:
    """The nearest configuration file; in the same directory, resnet-lint.toml takes precedence over pyproject.toml."""
    for folder in (cwd, *cwd.parents):
        own, shared = folder / _OWN_FILE, folder / _SHARED_FILE
        if own.is_file():
            return _read(own)
        if shared.is_file() and _section(shared, _parsed(shared)) is not None:
            return _read(shared)
    return None


def _read(file: Path) -> _Configuration:
    """Read a configuration file. The keys are in [tool.resnet-lint] if it is a pyproject.toml or has a table `tool`.

    Raises ConfigError if the file cannot be read or has no such section.
    """
    parsed = _parsed(file)
    if file.name != _SHARED_FILE and "tool" not in parsed:
        return _Configuration(file, parsed, file.name)
    section = _section(file, parsed)
    if not isinstance(section, dict):
        raise ConfigError(f"{file}: no section {_SECTION}")
    return _Configuration(file, section, _SECTION)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot read the configuration: {error.strerror}") from error
    except ValueError as error:  # invalid TOML or UTF-8
        raise ConfigError(f"{file}: invalid TOML: {error}") from error


def _section(file: Path, parsed: Mapping[str, Any]) -> Any:
    """The value of [tool.resnet-lint], or None. Raises ConfigError if it is spelled with an underscore."""
    tool = parsed.get("tool")
    if not isinstance(tool, dict):
        return None
    if "resnet_lint" in tool:
        raise ConfigError(f"{file}: section [tool.resnet_lint] must be spelled {_SECTION}")
    return tool.get("resnet-lint")
