"""The check of a file: asked of the workers, selected, and fixed where that is asked for. Several files at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resnet_lint.apply_rules import check as apply_rules
from resnet_lint.graph.analysis import Analysis
from resnet_lint.rule import Rule
from resnet_lint.shared.errors import FileNotWritten, ToolFault
from resnet_lint.shared.notebook import is_notebook
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.reports import FileReport, Rewrite
from resnet_lint.shared.records.requests import Request

from ..options.settings import Settings
from ..source.discover import SourceFile
from ..source.outline import Outline, Unreadable
from ..terminal import Progress
from ..user_targets import targets_of
from ..workers.analyser import Analyser
from ..workers.in_order import in_order
from .baseline import Baseline
from .selection import Selector

Wanted = tuple[SourceFile, Outline | Unreadable]
"""A file to check, and what its text says."""


@dataclass(frozen=True)
class Selecting:
    """The workers, with the findings that nobody wants to see left out, and no fixes for those of the baseline."""

    workers: Analyser
    selector: Selector
    baseline: Baseline | None

    def analyse(self, request: Request) -> FileReport:
        report = self.selector.kept(self.workers.analyse(request), request.source)
        return report if self.baseline is None else self.baseline.without_fixes(report, request.source)


@dataclass(frozen=True)
class Checked:
    """What came of one file: a report, and a rewrite where it was fixed, or a fault of the tool."""

    report: FileReport | None = None
    rewrite: Rewrite | None = None
    fault: str | None = None

    @property
    def is_fixable(self) -> bool:
        return self.report is not None and any(finding.fix_plan is not None for finding in self.report.findings)


@dataclass(frozen=True)
class Checker:
    """Checks one file."""

    settings: Settings
    workers: Selecting
    rules: Sequence[Rule]

    def check(self, wanted: Wanted, *, fix_plan: bool = True) -> Checked:
        file, outline = wanted
        try:
            if isinstance(outline, Unreadable):
                return Checked(self.workers.selector.kept(_unreadable(outline, self.rules)))
            if not outline.has_models:
                return Checked(FileReport(str(file.path)))
            request = self._request(file, outline)
            checked = Checked(self.workers.analyse(request))
            if not fix_plan or not checked.is_fixable or checked.report is None:
                return checked
            from ..fix.apply import fixed

            if not is_notebook(file.path):
                return Checked(*fixed(checked.report, request, self.settings, self.workers.analyse))
            shown_only = replace(self.settings, fix=False)
            report, _ = fixed(checked.report, request, shown_only, self.workers.analyse)
            note = "fixes are not written into notebooks, only shown"
            return Checked(replace(report, notes=(*report.notes, note)) if self.settings.fix else report)
        except (ToolFault, FileNotWritten) as fault:
            return Checked(fault=str(fault))

    def _request(self, file: SourceFile, outline: Outline) -> Request:
        return Request(
            path=str(file.path),
            only_class=file.only_class,
            targets=targets_of(file, outline, self.settings),
            seconds=self.settings.timeout,
            rule_folders=tuple(map(str, self.settings.rules)),
            source=file.text,
            guard=self.settings.guard,
            allow=self.settings.allow,
        )


def all_checked(wanted: Sequence[Wanted], checker: Checker, progress: Progress) -> list[Checked]:
    """Several files at a time; those to be rewritten then one by one, and anew: a fix changes what others import."""
    progress.total = len(wanted)
    settings = checker.settings

    def check(each: Wanted) -> Checked:
        with progress.at(each[0].display):
            return checker.check(each, fix_plan=not settings.fix)

    checked = in_order(check, wanted, settings.jobs)
    if not settings.fix:
        return checked
    return [checker.check(each) if first.is_fixable else first for each, first in zip(wanted, checked, strict=True)]


def _unreadable(outline: Unreadable, rules: Sequence[Rule]) -> FileReport:
    path = str(outline.path)
    start, end = Position(outline.line, outline.column), Position(outline.line, outline.column + 1)
    analysis = Analysis.unreadable(path, Span(path, start, end), outline.reason)
    return FileReport(path, findings=tuple(apply_rules(analysis, rules)))
