"""`--show-settings`: the effective settings, as a configuration file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resnet_lint.shared.records.requests import Shard, Target
from resnet_lint.shared.source_text import shown

from .option_types import CODES_BY_PATTERN, TARGETS
from .settings import OPTIONS, Settings, default_of, field_of


def as_toml(settings: Settings) -> str:
    """One line per option, with the origin of its value; defaults are commented out."""
    file = "no configuration file" if settings.file is None else f"configuration file: {settings.file}"
    return "".join(f"{line}\n" for line in [f"# {file}", "[tool.resnet-lint]", *_lines(settings)])


def _lines(settings: Settings) -> Iterator[str]:
    for name, option in OPTIONS.items():
        value = getattr(settings, field_of(name))
        if option.type is TARGETS:
            value = tuple((shown(path, settings.root), target) for path, target in value)
        if not option.in_file or value is None:
            continue
        is_table = option.type in (TARGETS, CODES_BY_PATTERN)
        line = f"{name} = {'{}' if is_table and not value else _toml(value)}"
        if field_of(name) in settings.given:
            yield f"{line}  # from the command line"
        elif value == default_of(name):
            yield f"# {line}"
        else:
            yield line


def _toml(value: Any) -> str:
    """Format a value as TOML. Every JSON string is a TOML string too."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:g}"
        case Path() | Shard():
            return json.dumps(str(value), ensure_ascii=False)
        case ((str(), Target()), *_):
            return _table({f"{path}::{target.name}": _target(target) for path, target in value})
        case ((str(), tuple()), *_):
            return _table({pattern: _toml(codes) for pattern, codes in value})
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _target(target: Target) -> str:
    options = {"call": target.call, "input": target.inputs or None}
    return _table({key: _toml(value) for key, value in options.items() if value is not None})


def _table(values: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{json.dumps(key, ensure_ascii=False)} = {value}' for key, value in values.items())} }}"
