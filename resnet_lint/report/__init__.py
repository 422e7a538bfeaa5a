"""Turns a run into text: for people (text, table) and for machines (json)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from ..records import Run


@dataclass(frozen=True)
class View:
    """How much of a run to show, and to whom. Paths are shown relative to `cwd`; `colour` adds ANSI escapes."""

    cwd: Path
    colour: bool = False
    verbose: bool = False
    quiet: bool = False
    statistics: bool = False


def render(form: str, run: Run, view: View) -> str:
    """The report in one of the forms (`text`, `table`, `json`); each is a module here with a function `report`."""
    text: str = importlib.import_module(f"{__name__}.{form}").report(run, view)
    return text
