"""Verified fixes of a finding, and the choice among several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resnet_lint.shared.records.findings import Choice, Finding, Fix
from resnet_lint.shared.records.reports import FileReport


@dataclass(frozen=True)
class Offer:
    """A verified edit of a file: the new text, the report on it, and the fix; `chosen` if the user selected it."""

    text: str
    report: FileReport
    fix: Fix
    chosen: bool = False


def with_choices(offers: Sequence[Offer], finding: Finding, number: int | None) -> Offer:
    """The first of several offers, or the one with a number, from 1; its fix lists all of them."""
    found = list[tuple[Choice, Offer]]()
    for offer in offers:
        choice = _choice(offer, finding)
        if not any(_is_same(choice, other) for other, _ in found):
            found.append((choice, offer))
    if len(found) < 2:
        return offers[0]
    chosen = number is not None and number <= len(found)
    _, taken = found[number - 1 if number is not None and chosen else 0]
    return replace(taken, fix=replace(taken.fix, choices=tuple(choice for choice, _ in found)), chosen=chosen)


def _is_same(one: Choice, other: Choice) -> bool:
    """Whether two choices are one fix: the same edit in other words, or another spelling of the same words."""
    return (one.edits != () and one.edits == other.edits) or replace(one, edits=()) == replace(other, edits=())


def _choice(offer: Offer, finding: Finding) -> Choice:
    fix = offer.fix
    model = next((outcome for outcome in offer.report.outcomes if outcome.label == finding.target), None)
    if model is None:
        return Choice(fix.title, fix.applicability, fix.edits)
    return Choice(fix.title, fix.applicability, fix.edits, model.parameters, model.multiply_adds, model.shapes)
