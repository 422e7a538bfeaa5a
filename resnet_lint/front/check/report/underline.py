"""Formats source lines with carets below them, aligned for terminals."""

from __future__ import annotations

import unicodedata

_TAB = 4


def display(text: str) -> str:
    """Make source text printable: tabs become spaces, control characters become visible."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text.expandtabs(_TAB))


def width(text: str) -> int:
    """The width of a text in terminal columns: wide characters take two, combining ones none."""
    return sum(map(_char_width, text))


def underline(line: str, start: int, end: int) -> str:
    """Carets below the characters of a source line from `start` to `end` (exclusive), counted from 0.

    There is at least one caret, if necessary after the end of the line.
    """
    before = width(display(line[:start])) + max(0, start - len(line))
    marked = width(display(line[:end])) - before
    return " " * before + "^" * max(1, marked)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
