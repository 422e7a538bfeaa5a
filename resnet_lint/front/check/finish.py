"""The end of a check: the results of all files are joined, merged, and completed by remarks and the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_lint.apply_rules import with_findings
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport, Run
from resnet_lint.shared.records.requests import Interpreter
from resnet_lint.shared.source_text import shown

from .boundary import Boundary
from .checked_elsewhere import joined
from .fingerprint import Identity
from .merge_reports import merge
from .one_file import Checked, Wanted
from .plan import Plan, has_content
from .selection import unmatched_patterns

Results = Sequence[tuple[Wanted, Checked]]
"""The checked files of a plan, in its order."""


def finished(plan: Plan, results: Results, interpreter: Interpreter | None, seconds: float) -> Run:
    """The run with these results, wherever they were made. Writes the baseline if requested."""
    reports = merge(joined([result.report for _, result in results if result.report is not None], plan.cwd))
    boundary = Boundary()
    remarked = _remarked(reports, results, plan, boundary)
    files, known = _without_old(remarked, [*_whole_files(results), *plan.passed_over], plan)
    return Run(
        files=files,
        interpreter=interpreter,
        seconds=seconds,
        notes=(*plan.discovery.notes, *_notes(results, plan), *_unmatched(plan), *known),
        rewrites=tuple(result.rewrite for _, result in results if result.rewrite is not None),
        faults=(*(fault for _, result in results for fault in result.faults), *boundary.faults),
    )


def _remarked(
    reports: Sequence[FileReport], results: Results, plan: Plan, boundary: Boundary
) -> tuple[FileReport, ...]:
    """The reports, with findings about the comments of each file added to its first report."""
    used = {use for _, result in results for use in result.used}
    files = plan.discovery.files
    single = {str(file.path) for file in files if file.only_class is not None}
    names = {str(file.path): file.display for file in files}
    by_path: dict[str, list[FileReport]] = {}
    for report in reports:
        by_path.setdefault(report.path, []).append(report)
    remarked = []
    for path, (first, *others) in by_path.items():
        remarks: tuple[Finding, ...] = ()
        with boundary.around(names[path]):
            remarks = plan.selector.remarks(path, [first, *others], used, whole=path not in single)
        remarked += [with_findings(first, remarks), *others]
    return tuple(remarked)


def _whole_files(results: Results) -> list[Path]:
    """The files that were checked completely, not only one class of them."""
    return [file.path for (file, _), result in results if file.only_class is None and result.report is not None]


def _without_old(
    reports: tuple[FileReport, ...], whole_files: Sequence[Path], plan: Plan
) -> tuple[tuple[FileReport, ...], list[str]]:
    """The reports without the findings in the baseline, and notes; updates the baseline first if requested."""
    baseline = plan.baseline
    if baseline is None:
        return reports, []
    names = {shown(path, baseline.folder) for path in whole_files}

    def was_checked(identity: Identity) -> bool:
        return identity.path in names and plan.selector.selection.keeps(identity.rule)

    if plan.settings.write_baseline:
        baseline = baseline.renewed(reports, was_checked)
        baseline.write()
        return baseline.without_old(reports), [baseline.summary]
    return baseline.without_old(reports), baseline.notes(reports, was_checked)


def _unmatched(plan: Plan) -> list[str]:
    """Notes on patterns that match no file, if all files of the project were checked."""
    discovery, settings = plan.discovery, plan.settings
    if not any(settings.root.is_relative_to(folder) for folder in discovery.folders):
        return []
    paths = [*(file.path for file in discovery.files), *discovery.passed_over]
    return [f"per-file-ignores: {pattern!r} matches no Python file" for pattern in unmatched_patterns(settings, paths)]


def _notes(results: Results, plan: Plan) -> Iterator[str]:
    """Notes on files that were not analysed."""
    for (file, outline), _ in results:
        if not has_content(outline):
            yield f"no nn.Module class in {file.display}"
    if plan.settings.shard is not None and not results:
        yield f"no files in shard {plan.settings.shard}"
    passed_over = len(plan.passed_over)
    if passed_over:
        yield f"no nn.Module class in {passed_over} Python {'file' if passed_over == 1 else 'files'}"
