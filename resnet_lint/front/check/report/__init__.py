"""Renders a run in one of the output formats."""

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
    """How to show a run.

    Paths are relative to `cwd`, or to the root of its git repository in reports for services. `colour` adds ANSI
    escapes, `links` adds terminal hyperlinks to the documentation of rules. `rules` are the rules of the run, sorted by
    code. `texts` replaces the contents of files, by path.
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
        """The lines of a file as checked."""
        return lines_of(path, self.texts)


def render_what_can_be(form: str, run: Run, view: View) -> tuple[str, Run]:
    """Render a run without the files that fail to render; returns the report and the run with a fault for each of them.

    Raises the exception of the format if no single file causes it.
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
    """Render a run in a format (`text`, `json`, `sarif`, ...), a module in `forms` with a function `report`."""
    text: str = importlib.import_module(f"{__name__}.forms.{form}").report(run, view)
    return text
