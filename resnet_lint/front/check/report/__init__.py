"""Turns a run into text: for people (text, table, diff) and for machines (json, sarif, github, gitlab)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from resnet_lint.rule import Rule
from resnet_lint.shared.records.reports import Run


@dataclass(frozen=True)
class View:
    """How much of a run to show, and to whom.

    Paths are shown relative to `cwd`, or to the root of its git repository where a service reads the report; `colour`
    adds ANSI escapes. `rules` are those of the run, sorted by code, for a report that explains them.
    """

    cwd: Path
    colour: bool = False
    verbose: bool = False
    quiet: bool = False
    statistics: bool = False
    rules: tuple[Rule, ...] = ()


def render(form: str, run: Run, view: View) -> str:
    """The report in one of the forms (`text`, `json`, `sarif` ...); each is a module here with a function `report`."""
    text: str = importlib.import_module(f"{__name__}.forms.{form}").report(run, view)
    return text
