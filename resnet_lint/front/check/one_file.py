"""Checks one file, selects its findings, and fixes them if requested; checks several files in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resnet_lint.apply_rules import check as apply_rules
from resnet_lint.graph.analysis import Analysis
from resnet_lint.rule import Rule
from resnet_lint.shared.notebook import is_notebook
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.reports import FileReport, Rewrite
from resnet_lint.shared.records.requests import CheckRequest

from ..options.settings import Settings
from ..source.contents import Contents
from ..source.discover import SourceFile
from ..source.outline import Outline, Unreadable
from ..terminal import Progress
from ..user_targets import targets_of
from ..workers.analyser import Analyser
from ..workers.in_order import in_order
from .baseline import Baseline
from .boundary import Boundary
from .found_fixes import found_fixes
from .selection import Kept, Selector, Use

Wanted = tuple[SourceFile, Outline | Unreadable]
"""A file to check, and its outline."""


@dataclass(frozen=True)
class VisibleFindings:
    """An analyser that removes hidden findings, and fix plans for findings in the baseline."""

    analyser: Analyser
    selector: Selector
    baseline: Baseline | None

    def analyse(self, request: CheckRequest) -> FileReport:
        """The report on a file. Raises the errors of the analyser."""
        return self.kept(request).report

    def kept(self, request: CheckRequest) -> Kept:
        """The report, with the comments that suppressed findings."""
        kept = self.selector.kept(self.analyser.analyse(request), request.source)
        if self.baseline is None:
            return kept
        return replace(kept, report=self.baseline.without_fixes(kept.report, request.source))


@dataclass(frozen=True)
class Checked:
    """The result for a file: the report, the used ignore comments, the rewrite if it was fixed, and internal errors."""

    report: FileReport | None = None
    used: frozenset[Use] = frozenset()
    rewrite: Rewrite | None = None
    faults: tuple[str, ...] = ()

    @property
    def is_fixable(self) -> bool:
        return self.report is not None and any(finding.fix_plan is not None for finding in self.report.findings)


@dataclass(frozen=True)
class Checker:
    """Checks one file."""

    settings: Settings
    analyser: VisibleFindings
    rules: Sequence[Rule]

    def check(self, wanted: Wanted, *, fix: bool = True) -> Checked:
        """Check a file and fix it; if fixing fails, the report is the one without fixes."""
        boundary, checked = Boundary(), Checked()
        with boundary.around(wanted[0].display):
            kept = self._kept(wanted)
            checked = Checked(kept.report, kept.used)
            if fix and checked.is_fixable:
                report, rewrite = self._fixed(wanted, kept.report)
                checked = replace(checked, report=report, rewrite=rewrite)
        return replace(checked, faults=tuple(boundary.faults))

    def _kept(self, wanted: Wanted) -> Kept:
        file, outline = wanted
        if isinstance(outline, Unreadable):
            return self.analyser.selector.kept(_unreadable(outline, self.rules))
        if not outline.has_models:
            return Kept(FileReport(str(file.path)))
        return self.analyser.kept(self._request(file, outline))

    def _fixed(self, wanted: Wanted, report: FileReport) -> tuple[FileReport, Rewrite | None]:
        file, outline = wanted
        assert isinstance(outline, Outline)
        request = self._request(file, outline)
        if not is_notebook(file.path):
            report, rewrite = self._found(report, request, self.settings)
            if request.source is None:
                self._contents.forget(file.path)  # it may have been written
            return report, rewrite
        shown, _ = self._found(report, request, replace(self.settings, fix=False))
        note = "fixes in notebooks are shown but not written"
        return (replace(shown, notes=(*shown.notes, note)) if self.settings.fix else shown), None

    def _found(
        self, report: FileReport, request: CheckRequest, settings: Settings
    ) -> tuple[FileReport, Rewrite | None]:
        return found_fixes(report, request, settings, self.analyser.analyse, self.analyser.analyser)

    @property
    def _contents(self) -> Contents:
        return self.analyser.selector.contents

    def _request(self, file: SourceFile, outline: Outline) -> CheckRequest:
        return CheckRequest(
            path=str(file.path),
            only_class=file.only_class,
            targets=targets_of(file, outline, self._contents.of(file.path).comments, self.settings),
            seconds=self.settings.timeout,
            rule_folders=tuple(map(str, self.settings.rules)),
            source=file.text,
            guard=self.settings.guard,
            allow=self.settings.allow,
        )


def all_checked(wanted: Sequence[Wanted], checker: Checker, progress: Progress) -> list[Checked]:
    """Check files in parallel; files to fix are checked again sequentially, because fixes change what others import.

    Those that could not be fixed are checked once more if a file after them was: the mistake was there.
    """
    progress.total = len(wanted)
    settings = checker.settings

    def check(file: Wanted) -> Checked:
        with progress.at(file[0].display):
            return checker.check(file, fix=not settings.fix)

    checked = in_order(check, wanted, settings.jobs)
    if not settings.fix:
        return checked
    fixed = [checker.check(file) if first.is_fixable else first for file, first in zip(wanted, checked, strict=True)]
    last = max((number for number, result in enumerate(fixed) if result.rewrite is not None), default=0)
    left = {number for number in range(last) if fixed[number].rewrite is None and fixed[number].is_fixable}
    return [checker.check(wanted[number]) if number in left else result for number, result in enumerate(fixed)]


def _unreadable(outline: Unreadable, rules: Sequence[Rule]) -> FileReport:
    path = str(outline.path)
    start, end = Position(outline.line, outline.column), Position(outline.line, outline.column + 1)
    analysis = Analysis.unreadable(path, Span(path, start, end), outline.reason)
    return FileReport(path, findings=tuple(apply_rules(analysis, rules)))
