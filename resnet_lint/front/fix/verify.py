"""Verifies fixes for a finding: traces the candidate edits, and keeps the first one that is valid.

An edit is valid if a trace of the edited source, including the model with the finding, shows that the finding is gone,
there are no new errors and no new warnings about models that ran before, no model ends earlier, and no class becomes
unchecked. It is safe if every model that ran before has the same shapes, no model runs fewer additions or layers, every
parameter is still read, and the kind of fix does not change results or state dicts.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import libcst as cst

from resnet_lint.shared.records.findings import Finding, Fix
from resnet_lint.shared.records.fix_plans import ChangeArguments, FixPlan, ProjectShortcut
from resnet_lint.shared.records.places import Edit
from resnet_lint.shared.records.reports import FileReport, Outcome
from resnet_lint.shared.records.requests import CheckRequest, Prove, Retrace

from .candidate import Candidate
from .conditions import (
    is_fixed,
    kind_of,
    nothing_ends_earlier,
    nothing_is_new,
    nothing_is_unchecked,
    others_are_kept,
)
from .kept import gives_what_was_assumed, is_kept, widths_are_kept
from .lost_reads import leaves_name_unread
from .offers import Offer, with_choices
from .source_tree import Source, Sources
from .writers import Way, ways

# The maximum number of candidates, because each one requires a trace.
_MOST_WAYS = 6

Analyse = Callable[[CheckRequest], FileReport]
"""Checks a file; the edited text is in the request."""


class Fixer:
    """Fixes a file in the time that is left after its check; when time is up, findings keep their hints.

    `spent` is the duration of the check in seconds, which is the estimate for another one. `choice` selects among
    several verified fixes of a finding; the best one is 1.
    """

    def __init__(
        self, request: CheckRequest, analyse: Analyse, spent: float | None = 0.0, choice: int | None = None
    ) -> None:
        self._choice = choice
        self._request = request
        self._analyse = analyse
        self._known: dict[tuple[str, Finding], Offer | None] = {}
        self._source: Source | None = None
        self._others: dict[str, Source | None] = {}
        self._seconds_a_check = request.seconds if spent is None else spent
        self._seconds_left = request.seconds - self._seconds_a_check

    def with_fixes(self, report: FileReport, text: str) -> FileReport:
        """The report with a verified fix for every finding that has one; the others keep their hints."""
        findings = []
        for finding in report.findings:
            offer = self.offered(finding, report, text)
            findings.append(finding if offer is None else replace(finding, fix=offer.fix))
        return replace(report, findings=tuple(findings))

    def fixed(self, report: FileReport, text: str, unsafe: bool = False) -> tuple[str, FileReport]:
        """Apply fixes one by one until none is left; return the text and the report on it.

        Unsafe fixes are applied only if `unsafe` is set.
        """
        wanted = ("safe", "unsafe") if unsafe else ("safe",)
        hopeless = set[tuple[str, str | None, str]]()
        while True:  # terminates, because every fix reduces the number of findings
            for finding in sorted(report.findings, key=lambda item: _content(item) in hopeless):
                offer = self.offered(finding, report, text)
                if offer is not None and (offer.chosen or offer.fix.applicability in wanted):
                    text, report = offer.text, offer.report
                    break
                hopeless.add(_content(finding))  # next time, after those that may have a fix
            else:
                return text, report

    def offered(self, finding: Finding, report: FileReport, text: str) -> Offer | None:
        """A verified edit that fixes a finding: preferably a safe one; None if there is none."""
        if (text, finding) not in self._known:
            self._known[text, finding] = self._best(finding, report, text)
        return self._known[text, finding]

    def _best(self, finding: Finding, report: FileReport, text: str) -> Offer | None:
        offers = list[Offer]()
        for offer in self._offers(finding, report, text):
            offers.append(offer)
            if offer.fix.applicability == "safe" and self._choice is None:
                break
        offers.sort(key=lambda offer: offer.fix.applicability != "safe")
        return with_choices(offers, finding, self._choice) if offers else None

    def _offers(self, finding: Finding, report: FileReport, text: str) -> Iterator[Offer]:
        halves = list[tuple[Candidate, Finding]]()
        is_open = False  # whether it is the layer or its input that is wrong
        for candidate in islice(self._candidates(finding, text), _MOST_WAYS):
            after = self._verified(finding, report, candidate, halves)
            if after is not None:
                offer = _offer(candidate, finding, report, after)
                is_open |= candidate.adapts and _causes_an_error(offer.fix.edits, after)
                yield replace(offer, fix=replace(offer.fix, applicability="unsafe")) if is_open else offer
        for first, left in halves[:1]:
            for second in islice(self._candidates(left, first.text), _MOST_WAYS // 2):
                whole = first.followed_by(second)
                after = self._verified(finding, report, whole, []) if whole is not None else None
                if whole is not None and after is not None:
                    yield _offer(whole, finding, report, after)

    def _candidates(self, finding: Finding, text: str) -> Iterator[Candidate]:
        """The edits that may fix a finding, unverified, best first."""
        if finding.fix_plan is None or not self._has_time():
            return  # before parsing, because libcst takes seconds for thousands of lines
        try:
            source = self._source_of(text)
        except cst.ParserSyntaxError:
            return  # syntax that libcst does not support
        for plan, way in _ways(finding, source, Sources(source, self._others)):
            title, changes_results = way.title or plan.title, plan.changes_results or way.unclear
            flags = (way.completes, way.adapts, way.rebuilds, way.keeps_widths)
            candidate = Candidate(source, way.edits, title, changes_results, *flags)
            if _parses(candidate.text):
                yield candidate

    def _source_of(self, text: str) -> Source:
        """The text with its tree, parsed once for all its findings. Raises cst.ParserSyntaxError."""
        if self._source is None or self._source.text != text:
            self._source = Source(self._request.path, text)
        return self._source

    def _has_time(self) -> bool:
        """Whether there is time for another check of the file."""
        return self._seconds_left > self._seconds_a_check

    def _verified(
        self, finding: Finding, before: FileReport, candidate: Candidate, halves: list[tuple[Candidate, Finding]]
    ) -> FileReport | None:
        """The report on an edited text, if it fixes the finding, in a quick check and then in a full one; else None.

        A candidate that fixes one of two faults of an addition is added to `halves`, with the finding that is left.
        """
        after, retrace = None, _retrace(finding)
        for quick in (True, False):
            if not self._has_time():
                return None
            prove = None if quick else _prove(finding)
            after = self._analyse(
                replace(self._request, source=candidate.text, quick=quick, retrace=retrace, prove=prove)
            )
            self._seconds_left -= self._seconds_a_check if after.seconds is None else after.seconds
            if not is_fixed(finding, before, after):
                halves += [(candidate, left) for left in _left_over(finding, before, after)]
                return None
        return after if after is not None and _traced_again(finding, before, after) else None


def _offer(candidate: Candidate, finding: Finding, before: FileReport, after: FileReport) -> Offer:
    """The offer of a candidate that was verified."""
    # A block that takes another width may need no projection any more.
    rebuilds = candidate.rebuilds or candidate.adapts
    kept = is_kept(before, after, completes=candidate.completes, rebuilds=rebuilds)
    kept = kept and others_are_kept(finding, before, after)
    kept = kept and (not candidate.adapts or gives_what_was_assumed(before, after))
    kept = kept and (not candidate.keeps_widths or widths_are_kept(before, after))
    kept = kept and not leaves_name_unread(candidate.source.text, candidate.text)
    proof = _proof(finding, after)
    edits, title = candidate.source.as_records(candidate.edits), candidate.title
    if finding.span.path != candidate.source.path:  # the edits of a finding are those of its own file
        place = ", ".join(f"line {edit.start.line}: {edit.text}" for edit in edits)
        edits, title = (), f"{title}, in {Path(candidate.source.path).name}, {place}"
    fix = Fix(
        title,
        "safe" if kept and not candidate.changes_results else "unsafe",
        True,
        edits,
        proof.shapes if proof is not None else None,
    )
    return Offer(candidate.text, after, fix)


def _causes_an_error(edits: Sequence[Edit], after: FileReport) -> bool:
    """Whether a layer that takes what it gets now is a cause of an error behind it, so that its input may be wrong."""
    edited = {edit.start.line for edit in edits}
    errors = (finding for finding in after.findings if finding.severity == "error")
    return any(cause.line in edited for finding in errors for cause in finding.causes)


def _left_over(finding: Finding, before: FileReport, after: FileReport) -> list[Finding]:
    """What is left of a finding with two faults, such as channels and size, after one of them was fixed."""
    same = [left for left in after.findings if kind_of(left) == kind_of(finding)]
    others_kept = nothing_is_new(before, after) and nothing_is_unchecked(before, after)
    if len(same) != 1 or same[0].rule == finding.rule or not others_kept or not nothing_ends_earlier(before, after):
        return []
    return same


def _ways(finding: Finding, source: Source, sources: Sources) -> Iterator[tuple[FixPlan, Way]]:
    """The candidates for a finding's plan, then those for the next best plans."""
    plan = finding.fix_plan
    while plan is not None:
        # An edit of a failing expression in another file is left to the check of that file.
        if finding.span.path == source.path or isinstance(plan, ChangeArguments | ProjectShortcut):
            for way in ways(plan, finding, source, sources):
                yield plan, way
        plan = plan.otherwise


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _traced_again(finding: Finding, before: FileReport, after: FileReport) -> bool:
    """Whether the model with the finding is still constructed, and runs at the size at which it failed.

    A model that is not constructed has no findings either. A block that was fixed for some arguments must accept all.
    """
    proof = _proof(finding, after)
    if finding.traits.proof == "required" and proof is not None and proof.shapes is None:
        return False
    retrace = _retrace(finding)
    if retrace is not None and str(retrace) not in {
        retraced.label for retraced in after.outcomes if retraced.shapes is not None
    }:
        return False
    return finding.target in {None, *(outcome.label for outcome in after.outcomes)} or _renamed(finding, before, after)


def _renamed(finding: Finding, before: FileReport, after: FileReport) -> bool:
    """Whether the model of a finding alone has another label: it is the expression that builds it, and was edited."""
    labels = [[outcome.label for outcome in report.outcomes] for report in (before, after)]
    changed = [old for old, new in zip(*labels, strict=False) if old != new]
    return len(labels[0]) == len(labels[1]) and changed == [finding.target]


def _proof(finding: Finding, after: FileReport) -> Outcome | None:
    """The proof about a block whose addition was fixed; None if none was requested, or symbols are not accepted."""
    prove = _prove(finding)
    return next((outcome for outcome in after.outcomes if prove is not None and outcome.label == str(prove)), None)


def _prove(finding: Finding) -> Prove | None:
    return (
        Prove(finding.module, finding.target)
        if finding.traits.proof is not None and finding.module is not None
        else None
    )


def _retrace(finding: Finding) -> Retrace | None:
    if finding.fix_plan is None or finding.target is None or not finding.fix_plan.inputs:
        return None
    return Retrace(finding.target, finding.fix_plan.inputs)


def _content(finding: Finding) -> tuple[str, str | None, str]:
    """The content of a finding without its location, which other fixes may move."""
    return finding.rule, finding.module, finding.message
