"""Source lines and marks below them, aligned as a terminal shows them."""

from __future__ import annotations

import unicodedata

_TAB = 4


def display(text: str) -> str:
    """Source text as it is printed: tabs become spaces; what would steer the terminal becomes a visible character."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text.expandtabs(_TAB))


def width(text: str) -> int:
    """The number of terminal columns that printed text takes: wide characters two, combining ones none."""
    return sum(map(_char_width, text))


def underline(line: str, start: int, end: int) -> str:
    """Carets below the characters of a source line from `start` up to but not including `end`, counted from 0.

    There is at least one caret, after the end of the line if need be.
    """
    before = width(display(line[:start])) + max(0, start - len(line))
    marked = width(display(line[:end])) - before
    return " " * before + "^" * max(1, marked)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
