"""Turns a run into text: for people (text, table, diff) and for machines (json, sarif, github, gitlab)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from resnet_lint.rule import Rule
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import lines_of, shown

from ..boundary import Boundary


@dataclass(frozen=True)
class View:
    """How much of a run to show, and to whom.

    Paths are shown relative to `cwd`, or to the root of its git repository where a service reads the report; `colour`
    adds ANSI escapes, and `links` lets a terminal open the page of a rule. `rules` are those of the run, sorted by
    code, for a report that explains them. `texts` stand in for those of files, by path.
    """

    cwd: Path
    colour: bool = False
    links: bool = False
    verbose: bool = False
    quiet: bool = False
    statistics: bool = False
    rules: tuple[Rule, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    def lines(self, path: str) -> tuple[str, ...]:
        """The lines of a file as they were checked."""
        return lines_of(path, self.texts)


def render_what_can_be(form: str, run: Run, view: View) -> tuple[str, Run]:
    """The report, and the run that it is on: without the files that cannot be reported, a fault for each of them.

    Raises what the form raises where no file is to blame.
    """
    try:
        return render(form, run, view), run
    except Exception:
        boundary, left = Boundary(), []
        for file in run.files:
            with boundary.around(shown(file.path, view.cwd)):
                render(form, replace(run, files=(file,)), view)
                left.append(file)
        reportable = replace(run, files=tuple(left), faults=(*run.faults, *boundary.faults))
        return render(form, reportable, view), reportable


def render(form: str, run: Run, view: View) -> str:
    """The report in one of the forms (`text`, `json`, `sarif` ...); each is a module here with a function `report`."""
    text: str = importlib.import_module(f"{__name__}.forms.{form}").report(run, view)
    return text
