"""The first line of a finding, as in compilers: location, severity, rule and message."""

from __future__ import annotations

from resnet_lint.front.report_text import COLOURS, linked, one_line, paint
from resnet_lint.front.rule_pages import page_of
from resnet_lint.shared.notebook import place_in
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.source_text import shown

from . import View


def headline(finding: Finding, view: View, mark: str = "") -> str:
    """Format `model.py:31:16: error: RL103 the message`; a mark is printed after the rule."""
    start, colour = finding.span.start, COLOURS[finding.severity]
    place = paint(
        f"{shown(finding.span.path, view.cwd)}:{place_in(finding.span.path, start.line)}:{start.column}:",
        view.colour,
        bold=True,
    )
    severity = paint(f"{finding.severity}:", view.colour, fg=colour)
    rule = _linked(paint(finding.rule, view.colour, fg=colour, bold=True), finding.rule, view)
    return " ".join([place, severity, rule, *([mark] if mark else []), one_line(finding.message)])


def _linked(text: str, code: str, view: View) -> str:
    rule = next((known for known in view.rules if known.code == code), None) if view.links else None
    return linked(text, page_of(rule) if rule is not None else None)
