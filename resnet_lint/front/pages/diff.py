"""The diff of a fixed file, for pages."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

_CLASSES = {"+": "add", "-": "del", "@": "at"}


def diff_lines(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The lines of the diff, each with its CSS class."""
    for line in difflib.unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm=""):
        yield _CLASSES.get(line[:1], ""), line
