"""Formatting for all text reports: colours, counts, links, and escaping."""

from __future__ import annotations

import click

from ..shared.records.findings import Severity

COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "info": "blue"}


def paint(text: str, colour: bool, *, fg: str | None = None, bold: bool | None = None) -> str:
    """Colour a text if `colour` is set."""
    return click.style(text, fg=fg, bold=bold) if colour else text


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Format a count: `1 file`, `2 files`, `2 classes`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def one_line(text: str) -> str:
    """Format untrusted text as one line without control characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))


def linked(text: str, url: str | None) -> str:
    """Format a text as a terminal hyperlink (OSC 8); without a URL, return it unchanged."""
    return text if url is None else f"\033]8;;{url}\033\\{text}\033]8;;\033\\"
