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
    different = dict[Choice, tuple[Choice, Offer]]()
    for offer in offers:  # other words for the same fix are no choice
        choice = _choice(offer, finding)
        different.setdefault(replace(choice, edits=()), (choice, offer))
    if len(different) < 2:
        return offers[0]
    found = list(different.values())
    chosen = number is not None and number <= len(found)
    _, taken = found[number - 1 if number is not None and chosen else 0]
    return replace(taken, fix=replace(taken.fix, choices=tuple(choice for choice, _ in found)), chosen=chosen)


def _choice(offer: Offer, finding: Finding) -> Choice:
    fix = offer.fix
    model = next((outcome for outcome in offer.report.outcomes if outcome.label == finding.target), None)
    if model is None:
        return Choice(fix.title, fix.applicability, fix.edits)
    return Choice(fix.title, fix.applicability, fix.edits, model.parameters, model.multiply_adds, model.shapes)
