"""What all reports for people share: colours, counts, and text from outside on one line."""

from __future__ import annotations

import click

from ..shared.records.findings import Severity

COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "info": "blue"}


def paint(text: str, colour: bool, *, fg: str | None = None, bold: bool | None = None) -> str:
    """Colour a text, where colours are shown."""
    return click.style(text, fg=fg, bold=bold) if colour else text


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 file`, `2 files`, `2 classes`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def one_line(text: str) -> str:
    """A text from outside as one line that cannot steer the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))


def linked(text: str, url: str | None) -> str:
    """A text that a terminal opens a page for (OSC 8); where there is none, just the text."""
    return text if url is None else f"\033]8;;{url}\033\\{text}\033]8;;\033\\"
