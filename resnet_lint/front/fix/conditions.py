"""The conditions for a fix, by the reports of a file before and after it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Set

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport


def is_fixed(finding: Finding, before: FileReport, after: FileReport) -> bool:
    """Whether an edit fixes a finding, and nothing else is worse."""
    return (
        is_gone(finding, before, after)
        and nothing_is_new(before, after)
        and nothing_is_unchecked(before, after)
        and nothing_ends_earlier(before, after)
        and inputs_are_kept(before, after)
    )


def is_gone(finding: Finding, before: FileReport, after: FileReport) -> bool:
    """Whether there are fewer findings of the kind to fix."""
    return kinds(after.findings)[kind_of(finding)] < kinds(before.findings)[kind_of(finding)]


def nothing_is_new(before: FileReport, after: FileReport) -> bool:
    """Whether no kind of finding is more frequent, except for notes, and warnings that a fault may have hidden."""
    ran = {outcome.label for outcome in before.outcomes if outcome.shapes is not None}
    failed = {_expression(finding) for finding in before.findings if finding.severity == "error"}
    shown = (f for f in after.findings if not _was_hidden(f, ran) and not _was_beside(f, failed))
    return kinds(shown) <= kinds(before.findings)


def nothing_is_unchecked(before: FileReport, after: FileReport) -> bool:
    """Whether every class that was checked still is."""
    return _unchecked(after) <= _unchecked(before)


def nothing_ends_earlier(before: FileReport, after: FileReport) -> bool:
    """Whether every model whose trace was complete is still complete, if it is still constructed."""
    return not (_complete(before) - _complete(after)) & {outcome.label for outcome in after.outcomes}


def inputs_are_kept(before: FileReport, after: FileReport) -> bool:
    """Whether no model takes images of other channels: a guessed input follows an edit of the first layer."""
    taken = {(outcome.label, outcome.image_channels) for outcome in before.outcomes}
    labels = {label for label, _ in taken}
    given = {(outcome.label, outcome.image_channels) for outcome in after.outcomes if outcome.label in labels}
    return given <= taken  # a label is also that of the parts of a model that were traced alone


def _was_hidden(finding: Finding, ran: Set[str]) -> bool:
    """Whether a finding is a note, or a warning about a model that did not run, so that a fault may have hidden it.

    That a class is not checked may have another reason now; `nothing_is_unchecked` compares the classes.
    """
    if finding.severity == "info" or finding.traits.about == "class":
        return True
    return finding.severity == "warning" and finding.target is not None and finding.target not in ran


def _was_beside(finding: Finding, failed: Set[tuple[str | None, int, int]]) -> bool:
    """Whether a finding is a warning about an expression that failed: other sizes are tried only where none fails."""
    return finding.severity == "warning" and _expression(finding) in failed


def _expression(finding: Finding) -> tuple[str | None, int, int]:
    """The expression of a finding, whose line an edit above it may have moved."""
    return finding.module, finding.span.start.column, finding.span.end.column


def kind_of(finding: Finding) -> tuple[str, str | None]:
    """The kind of a finding, independent of its line."""
    return finding.family, finding.module


def kinds(findings: Iterable[Finding]) -> Counter[tuple[str, str | None]]:
    """The number of findings of each kind."""
    return Counter(map(kind_of, findings))


def _complete(report: FileReport) -> set[str]:
    return {outcome.label for outcome in report.outcomes if outcome.complete}


def _unchecked(report: FileReport) -> set[str]:
    return {status.name for status in report.classes if status.status == "failed"}


def others_are_kept(finding: Finding, before: FileReport, after: FileReport) -> bool:
    """Whether what is left of the kind was there before: an edit that only moves a fault to other numbers is no fix."""
    left, found = (Counter(map(_without_shapes, report.findings)) for report in (after, before))
    return all(found[content] >= number for content, number in left.items() if content[0] == kind_of(finding))


def _without_shapes(finding: Finding) -> tuple[tuple[str, str | None], str]:
    return kind_of(finding), re.sub(r"\([\d, ]+\)", "", finding.message)
