"""Moves JSON data between machines that have the same project in different folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_BEFORE, _AFTER = r"(?<![\w.-])", r"(?![\w.-])"

Change = Callable[[str], str]


def without_folders(data: Any, folders: Mapping[str, str]) -> Any:
    """The data with a name in place of folders, in keys and inside of texts. `folders` are absolute paths by name."""
    longest_first = sorted(folders.items(), key=lambda entry: -len(entry[1]))
    patterns = [
        (re.compile(rf"{_BEFORE}{re.escape(path)}{_AFTER}"), _mark(name)) for name, path in longest_first if path != "/"
    ]

    def hidden(text: str) -> str:
        for pattern, mark in patterns:
            text = pattern.sub(mark, text)
        return text

    return _mapped(data, hidden)


def with_folders(data: Any, folders: Mapping[str, str]) -> Any:
    """The reverse of `without_folders`, with the folders of this machine."""

    def shown(text: str) -> str:
        for name, path in folders.items():
            text = text.replace(_mark(name), path)
        return text

    return _mapped(data, shown)


def _length(folder: tuple[str, str]) -> int:
    return len(folder[0])


def _mark(name: str) -> str:
    """No path and no source text of Python contains a null character."""
    return f"\x00{name}\x00"


def _mapped(data: Any, change: Change) -> Any:
    match data:
        case str():
            return change(data)
        case dict():
            return {change(key): _mapped(value, change) for key, value in data.items()}
        case list():
            return [_mapped(value, change) for value in data]
        case _:
            return data
