"""The stages of a check in order: the table of contents.

    paths -> discover -> outline -> worker -> select -> fix -> join -> merge -> remark -> baseline -> Run

Files that cannot be parsed or define no nn.Module are not sent to the worker.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resnet_lint.apply_rules import with_findings
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport, Run
from resnet_lint.shared.records.requests import Shard
from resnet_lint.shared.source_text import shown

from ..options.settings import Settings
from ..source.contents import Contents
from ..source.discover import Discovery, SourceFile, discover
from ..source.outline import Outline, Unreadable, read_outline
from ..terminal import Progress
from ..user_targets import check_call, check_class, check_targets
from ..workers.analyser import Analyser
from .baseline import Baseline, read_baseline
from .boundary import Boundary
from .checked_elsewhere import joined
from .fingerprint import Identity
from .merge_reports import merge
from .one_file import Checked, Checker, VisibleFindings, Wanted, all_checked
from .selection import Selector, selector, unmatched_patterns

Asked = str | SourceFile
"""A path on the command line, or the file on stdin."""


def check(
    paths: Sequence[Asked], settings: Settings, analyser: Analyser, *, cwd: Path, progress: Progress | None = None
) -> Run:
    """Check files, folders and classes. Errors in the user's code are part of the result; usage errors are raised."""
    began = time.perf_counter()
    rules = load_rules([str(folder) for folder in settings.rules])
    discovery = discovered(paths, settings, cwd)
    texts = {str(file.path): file.text for file in discovery.files if file.text is not None}
    contents = Contents({**discovery.read, **_replaced(discovery.files)})
    visible = VisibleFindings(analyser, selector(settings, rules, contents), _baseline(settings, texts))

    outlined = [(file, contents.of(file.path).outline) for file in discovery.files]
    wanted = [(file, outline) for file, outline in outlined if _is_wanted(file, outline)]
    for file, outline in wanted:
        check_class(file, outline)
    if settings.call is not None:
        check_call(settings.call, wanted)
    check_targets(settings, outlined)
    share = _share(wanted, settings.shard)

    checked = all_checked(share, Checker(settings, visible, rules), progress or Progress(io.StringIO()))

    reports = merge(joined([result.report for result in checked if result.report is not None], cwd))
    boundary = Boundary()
    remarked = _remarked(reports, discovery.files, checked, visible.selector, boundary)
    passed_over = [*discovery.passed_over, *(file.path for file, outline in outlined if not _is_wanted(file, outline))]
    files, known = _without_old(remarked, _whole_files(share, checked) + passed_over, visible, settings)
    notes = [
        *discovery.notes,
        *_notes(share, len(passed_over), settings.shard),
        *_unmatched(discovery, settings),
        *known,
    ]
    return Run(
        files=files,
        interpreter=analyser.interpreter,
        seconds=time.perf_counter() - began,
        notes=tuple(notes),
        rewrites=tuple(result.rewrite for result in checked if result.rewrite is not None),
        faults=(*(fault for result in checked for fault in result.faults), *boundary.faults),
    )


def discovered(paths: Sequence[Asked], settings: Settings, cwd: Path) -> Discovery:
    """The files at the paths, without excluded ones. Raises UsageError and ConfigError."""
    root = cwd if "exclude" in settings.given else settings.root
    return discover(paths, cwd=cwd, exclude=settings.exclude, root=root, force_exclude=settings.force_exclude)


def _replaced(files: Sequence[SourceFile]) -> dict[Path, bytes]:
    return {file.path: file.data for file in files if file.data is not None}


def files_to_check(paths: Sequence[Asked], settings: Settings, cwd: Path) -> list[SourceFile]:
    """The files that would be checked."""
    outlined = [(file, read_outline(file.path, file.data)) for file in discovered(paths, settings, cwd).files]
    wanted = [entry for entry in outlined if _is_wanted(*entry)]
    return [file for file, _ in _share(wanted, settings.shard)]


def _share(wanted: Sequence[Wanted], shard: Shard | None) -> list[Wanted]:
    """The files in a shard. The shard of a file depends on its name only, so it is the same on every machine."""
    if shard is None:
        return list(wanted)
    mine = set(sorted(map(_name, wanted))[shard.number - 1 :: shard.total])
    return [entry for entry in wanted if _name(entry) in mine]


def _name(wanted: Wanted) -> tuple[str, str]:
    file, _ = wanted
    return file.display, file.only_class or ""


def _is_wanted(file: SourceFile, outline: Outline | Unreadable) -> bool:
    return file.explicit or _has_content(outline)


def _has_content(outline: Outline | Unreadable) -> bool:
    return isinstance(outline, Unreadable) or outline.has_models


def _remarked(
    reports: Sequence[FileReport],
    files: Sequence[SourceFile],
    checked: Sequence[Checked],
    selector: Selector,
    boundary: Boundary,
) -> tuple[FileReport, ...]:
    """The reports, with findings about the comments of each file added to its first report."""
    used = {use for result in checked for use in result.used}
    single = {str(file.path) for file in files if file.only_class is not None}
    names = {str(file.path): file.display for file in files}
    by_path: dict[str, list[FileReport]] = {}
    for report in reports:
        by_path.setdefault(report.path, []).append(report)
    remarked = []
    for path, (first, *others) in by_path.items():
        remarks: tuple[Finding, ...] = ()
        with boundary.around(names[path]):
            remarks = selector.remarks(path, [first, *others], used, whole=path not in single)
        remarked += [with_findings(first, remarks), *others]
    return tuple(remarked)


def _baseline(settings: Settings, texts: Mapping[str, str]) -> Baseline | None:
    if settings.baseline is None:
        return None
    return replace(read_baseline(settings.baseline, may_be_missing=settings.write_baseline), texts=texts)


def _whole_files(wanted: Sequence[Wanted], checked: Sequence[Checked]) -> list[Path]:
    """The files that were checked completely, not only one class of them."""
    both = zip(wanted, checked, strict=True)
    return [file.path for (file, _), result in both if file.only_class is None and result.report is not None]


def _without_old(
    reports: tuple[FileReport, ...], whole_files: Sequence[Path], visible: VisibleFindings, settings: Settings
) -> tuple[tuple[FileReport, ...], list[str]]:
    """The reports without the findings in the baseline, and notes; updates the baseline first if requested."""
    baseline = visible.baseline
    if baseline is None:
        return reports, []
    names = {shown(path, baseline.folder) for path in whole_files}

    def was_checked(identity: Identity) -> bool:
        return identity.path in names and visible.selector.selection.keeps(identity.rule)

    if settings.write_baseline:
        baseline = baseline.renewed(reports, was_checked)
        baseline.write()
        return baseline.without_old(reports), [baseline.summary]
    return baseline.without_old(reports), baseline.notes(reports, was_checked)


def _unmatched(discovery: Discovery, settings: Settings) -> list[str]:
    """Notes on patterns that match no file, if all files of the project were checked."""
    if not any(settings.root.is_relative_to(folder) for folder in discovery.folders):
        return []
    paths = [*(file.path for file in discovery.files), *discovery.passed_over]
    return [f"per-file-ignores: {pattern!r} matches no Python file" for pattern in unmatched_patterns(settings, paths)]


def _notes(wanted: Sequence[Wanted], passed_over: int, shard: Shard | None) -> list[str]:
    """Notes on files that were not analysed."""
    notes = [f"no nn.Module class in {file.display}" for file, outline in wanted if not _has_content(outline)]
    if shard is not None and not wanted:
        notes.append(f"no files in shard {shard}")
    if passed_over:
        notes.append(f"no nn.Module class in {passed_over} Python {'file' if passed_over == 1 else 'files'}")
    return notes
