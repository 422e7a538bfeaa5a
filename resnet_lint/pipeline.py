"""The stages in order: the table of contents.

    paths -> discover -> outline -> worker -> select -> fix -> join -> merge -> remark -> baseline -> Run

A file that cannot be parsed, or that defines no nn.Module, never reaches the worker.
"""

from __future__ import annotations

import difflib
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .analyser import Analyser
from .analysis import Analysis
from .baseline import Baseline, read_baseline
from .config import Settings
from .coverage import joined
from .errors import FileNotWritten, ToolFault, UsageError
from .files import shown
from .findings import check as apply_rules
from .findings import merge, with_findings
from .fingerprint import Identity
from .parallel import in_order
from .progress import Progress
from .records import FileReport, Position, Request, Rewrite, Run, Shard, Span
from .rule import Rule, load_rules
from .selecting import Selector, selector, unmatched_patterns
from .source.discover import Discovery, SourceFile, discover
from .source.outline import Outline, Unreadable, read_outline
from .targets import check_call, check_targets, targets_of


def check(
    paths: Sequence[str], settings: Settings, workers: Analyser, *, cwd: Path, progress: Progress | None = None
) -> Run:
    """Check files, folders and classes. What is wrong with the user's code is in the Run; usage errors are raised."""
    began = time.perf_counter()
    rules = load_rules([str(folder) for folder in settings.rules])
    selecting = _Selecting(workers, selector(settings, rules), _baseline(settings))

    discovery = discover(paths, cwd=cwd, exclude=settings.exclude, root=settings.root)
    outlined = [(file, read_outline(file.path)) for file in discovery.files]
    wanted = [(file, outline) for file, outline in outlined if _is_wanted(file, outline)]
    for file, outline in wanted:
        _check_class(file, outline)
    if settings.call is not None:
        check_call(settings.call, wanted)
    check_targets(settings, outlined)
    share = _share(wanted, settings.shard)

    checked = _all_checked(share, _Checker(settings, selecting, rules), progress or Progress(io.StringIO()))

    reports = merge(joined([each.report for each in checked if each.report is not None], cwd))
    remarked = _remarked(reports, discovery.files, selecting.selector)
    passed_over = [*discovery.passed_over, *(file.path for file, outline in outlined if not _is_wanted(file, outline))]
    files, known = _without_old(remarked, _whole_files(share, checked) + passed_over, selecting, settings)
    notes = [
        *discovery.notes,
        *_notes(share, len(passed_over), settings.shard),
        *_unmatched(discovery, settings),
        *known,
    ]
    return Run(
        files=files,
        interpreter=workers.interpreter,
        seconds=time.perf_counter() - began,
        notes=tuple(notes),
        rewrites=tuple(each.rewrite for each in checked if each.rewrite is not None),
        faults=tuple(each.fault for each in checked if each.fault is not None),
    )


def _share(wanted: Sequence[Wanted], shard: Shard | None) -> list[Wanted]:
    """The files that a shard looks at: each is in one shard, by its name, which is the same on every machine."""
    if shard is None:
        return list(wanted)
    mine = set(sorted(map(_name, wanted))[shard.number - 1 :: shard.total])
    return [each for each in wanted if _name(each) in mine]


def _name(wanted: Wanted) -> tuple[str, str]:
    file, _ = wanted
    return file.display, file.only_class or ""


def _is_wanted(file: SourceFile, outline: Outline | Unreadable) -> bool:
    return file.explicit or _has_content(outline)


def _has_content(outline: Outline | Unreadable) -> bool:
    return isinstance(outline, Unreadable) or bool(outline.classes)


@dataclass(frozen=True)
class _Selecting:
    """The workers, with the findings that nobody wants to see left out, and no mends for those of the baseline."""

    workers: Analyser
    selector: Selector
    baseline: Baseline | None

    def analyse(self, request: Request) -> FileReport:
        report = self.selector.kept(self.workers.analyse(request), request.source)
        return report if self.baseline is None else self.baseline.without_mends(report, request.source)


Wanted = tuple[SourceFile, Outline | Unreadable]


@dataclass(frozen=True)
class _Checked:
    """What came of one file: a report, and a rewrite where it was mended, or a fault of the tool."""

    report: FileReport | None = None
    rewrite: Rewrite | None = None
    fault: str | None = None

    @property
    def is_mendable(self) -> bool:
        return self.report is not None and any(finding.mend is not None for finding in self.report.findings)


@dataclass(frozen=True)
class _Checker:
    """Checks one file."""

    settings: Settings
    workers: _Selecting
    rules: Sequence[Rule]

    def check(self, wanted: Wanted, *, mend: bool = True) -> _Checked:
        file, outline = wanted
        try:
            if isinstance(outline, Unreadable):
                return _Checked(self.workers.selector.kept(_unreadable(outline, self.rules)))
            if not outline.classes:
                return _Checked(FileReport(str(file.path)))
            request = self._request(file, outline)
            checked = _Checked(self.workers.analyse(request))
            if not mend or not checked.is_mendable or checked.report is None:
                return checked
            from .fix.mend import mended  # libcst takes its time to import, and most files have nothing to mend

            return _Checked(*mended(checked.report, request, self.settings, self.workers.analyse))
        except (ToolFault, FileNotWritten) as fault:
            return _Checked(fault=str(fault))

    def _request(self, file: SourceFile, outline: Outline) -> Request:
        return Request(
            path=str(file.path),
            only_class=file.only_class,
            targets=targets_of(file, outline, self.settings),
            seconds=self.settings.timeout,
            rule_folders=tuple(map(str, self.settings.rules)),
            guard=self.settings.guard,
            allow=self.settings.allow,
        )


def _all_checked(wanted: Sequence[Wanted], checker: _Checker, progress: Progress) -> list[_Checked]:
    """Several files at a time; those to be rewritten then one by one, and anew: a fix changes what others import."""
    progress.total = len(wanted)
    settings = checker.settings

    def check(each: Wanted) -> _Checked:
        with progress.at(each[0].display):
            return checker.check(each, mend=not settings.fix)

    checked = in_order(check, wanted, settings.jobs)
    if not settings.fix:
        return checked
    return [checker.check(each) if first.is_mendable else first for each, first in zip(wanted, checked, strict=True)]


def _unreadable(outline: Unreadable, rules: Sequence[Rule]) -> FileReport:
    path = str(outline.path)
    start, end = Position(outline.line, outline.column), Position(outline.line, outline.column + 1)
    analysis = Analysis.unreadable(path, Span(path, start, end), outline.reason)
    return FileReport(path, findings=tuple(apply_rules(analysis, rules)))


def _remarked(reports: Sequence[FileReport], files: Sequence[SourceFile], selector: Selector) -> tuple[FileReport, ...]:
    """The reports, with findings on the comments in each file beside those of its first report."""
    single = {str(file.path) for file in files if file.only_class is not None}
    by_path: dict[str, list[FileReport]] = {}
    for report in reports:
        by_path.setdefault(report.path, []).append(report)
    remarked = []
    for path, (first, *others) in by_path.items():
        remarks = selector.remarks(path, [first, *others], whole=path not in single)
        remarked += [with_findings(first, remarks), *others]
    return tuple(remarked)


def _baseline(settings: Settings) -> Baseline | None:
    if settings.baseline is None:
        return None
    return read_baseline(settings.baseline, may_be_missing=settings.write_baseline)


def _whole_files(wanted: Sequence[Wanted], checked: Sequence[_Checked]) -> list[Path]:
    """The files that were looked at, and not for a single class only."""
    both = zip(wanted, checked, strict=True)
    return [file.path for (file, _), each in both if file.only_class is None and each.report is not None]


def _without_old(
    reports: tuple[FileReport, ...], whole_files: Sequence[Path], selecting: _Selecting, settings: Settings
) -> tuple[tuple[FileReport, ...], list[str]]:
    """The reports without the findings of the baseline, which is renewed first where that is asked for; and notes."""
    baseline = selecting.baseline
    if baseline is None:
        return reports, []
    names = {shown(path, baseline.folder) for path in whole_files}

    def looked_at(identity: Identity) -> bool:
        return identity.path in names and selecting.selector.selection.keeps(identity.rule)

    if settings.write_baseline:
        baseline = baseline.renewed(reports, looked_at)
        baseline.write()
        return baseline.without_old(reports), [baseline.summary]
    return baseline.without_old(reports), baseline.notes(reports, looked_at)


def _unmatched(discovery: Discovery, settings: Settings) -> list[str]:
    """A note on each pattern that matches no file, where all files of the project were looked at."""
    if not any(settings.root.is_relative_to(folder) for folder in discovery.folders):
        return []
    paths = [*(file.path for file in discovery.files), *discovery.passed_over]
    return [f"per-file-ignores: {pattern!r} matches no Python file" for pattern in unmatched_patterns(settings, paths)]


def _notes(wanted: Sequence[Wanted], passed_over: int, shard: Shard | None) -> list[str]:
    """What was looked at and not analysed, a sentence each."""
    notes = [f"no nn.Module class in {file.display}" for file, outline in wanted if not _has_content(outline)]
    if shard is not None and not wanted:
        notes.append(f"no file is left for shard {shard}")
    if passed_over:
        notes.append(f"no nn.Module class in {passed_over} Python {'file' if passed_over == 1 else 'files'}")
    return notes


def _check_class(file: SourceFile, outline: Outline | Unreadable) -> None:
    if file.only_class is None or isinstance(outline, Unreadable):
        return
    names = [each.name for each in outline.classes]
    if file.only_class not in names:
        nearest = difflib.get_close_matches(file.only_class, names, n=1)
        advice = f"; did you mean {nearest[0]}?" if nearest else ""
        raise UsageError(f"{file.display} defines no nn.Module class {file.only_class}{advice}")
