"""The rows of a repository for the results of a scan."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint import __version__
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport, Run
from resnet_lint.shared.source_text import shown

from ..check.fingerprint import fingerprints
from .scan import Scanned
from .store import Class, File, FoundFinding, FoundFix, Row, Version


def rows_of(scanned: Scanned) -> Iterator[Row]:
    """All rows of a repository."""
    repository, run = scanned.repository, scanned.run
    loaded_by = None if run is None else run.interpreter
    yield Version(
        repository.target.label,
        repository.commit,
        __version__,
        None if loaded_by is None else loaded_by.python,
        None if loaded_by is None else loaded_by.torch,
        len(repository.files),
        repository.problem,
    )
    if run is not None:
        yield from _files(scanned, run)
        yield from _classes(scanned, run)
        yield from _findings(scanned, run)


def _files(scanned: Scanned, run: Run) -> Iterator[File]:
    repository = scanned.repository
    reports = {report.path: report for report in run.files}
    for result in scanned.results:
        report = reports.get(str(repository.root / result.display))
        reason = "; ".join(result.checked.faults) or (None if report is None else _reason(report))
        seconds = None if report is None else report.seconds
        yield File(repository.target.label, result.display, result.digest, seconds, reason)
    for note in repository.notes:
        yield File(repository.target.label, note.split(" ")[0], None, None, note)


def _reason(report: FileReport) -> str | None:
    """Why a file is not checked."""
    return next((finding.message for finding in report.findings if finding.traits.about == "file"), None)


def _classes(scanned: Scanned, run: Run) -> Iterator[Class]:
    repository = scanned.repository
    for status in run.classes:
        path = shown(status.path, repository.root)
        yield Class(repository.target.label, path, status.name, status.line, status.status, status.how, status.reason)


def _findings(scanned: Scanned, run: Run) -> Iterator[FoundFinding | FoundFix]:
    for finding, fingerprint in zip(run.findings, fingerprints(run.findings, scanned.repository.root), strict=True):
        yield _finding(scanned, finding, fingerprint)
        if finding.fix is not None:
            yield FoundFix(
                scanned.repository.target.label,
                shown(finding.span.path, scanned.repository.root),
                fingerprint,
                finding.fix.title,
                finding.fix.applicability,
                finding.fix.verified,
                len(finding.fix.edits),
            )


def _finding(scanned: Scanned, finding: Finding, fingerprint: str) -> FoundFinding:
    return FoundFinding(
        scanned.repository.target.label,
        shown(finding.span.path, scanned.repository.root),
        finding.span.start.line,
        finding.rule,
        finding.name,
        finding.severity,
        finding.message,
        finding.module,
        finding.target,
        fingerprint,
    )
