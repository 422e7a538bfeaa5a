"""The details of a finding: operand shapes, causes, location in the model, and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resnet_lint.front.report_text import one_line
from resnet_lint.shared.notebook import cell_of, place_in
from resnet_lint.shared.records.findings import Choice, Finding
from resnet_lint.shared.records.places import Cause
from resnet_lint.shared.source_text import shown

_MOST_PATHS = 4


def explanation(finding: Finding, folder: Path) -> str:
    """The message, details and fix as lines, for reports without source code."""
    fixes = map(": ".join, offers(finding))
    return "\n".join([one_line(finding.message), *facts(finding, folder), *fixes, *proofs(finding)])


def facts(finding: Finding, folder: Path) -> Iterator[str]:
    """Operands, causes and the location in the model, one line each. Paths are relative to `folder`."""
    widest = max((len(operand.role) for operand in finding.operands), default=0)
    for operand in finding.operands:
        yield f"{operand.role:<{widest}}  {operand.shape}"
    for cause in finding.causes:
        yield f"cause, {_cause_place(cause, finding, folder)}: {one_line(cause.text)}"
    if (where := _where(finding)) and not _is_about_the_file(finding):  # those name the class in the message
        yield where


def offers(finding: Finding) -> Iterator[tuple[str, str]]:
    """The fix or hint, with a label that says whether it was verified."""
    fix = finding.fix
    if fix is None:
        return
    if _is_about_the_file(finding):
        label = "help"
    elif not fix.verified:
        label = "hint (not verified)"
    else:
        label = "fix (verified)" if fix.applicability == "safe" else "fix (verified, needs --unsafe-fixes)"
    yield label, one_line(fix.title)
    for number, choice in enumerate(fix.choices, start=1):
        yield f"choice {number}", one_line(choice.title + _consequences(choice))


def _consequences(choice: Choice) -> str:
    """What a choice costs: `; 1,234 parameters, 5,678 multiply-adds, [(2, 3, 32, 32)] -> [(2, 10)]`."""
    if choice.parameters is None or choice.multiply_adds is None:
        return ""
    costs = f"{choice.parameters:,} parameters, {choice.multiply_adds:,} multiply-adds"
    return f"; {costs}, {choice.shapes}" if choice.shapes is not None else f"; {costs}"


def proofs(finding: Finding) -> Iterator[str]:
    """The arguments and input sizes for which a verified fix is also proved."""
    if finding.fix is not None and finding.fix.proved is not None:
        yield f"also proved for every {finding.fix.proved}"


def _is_about_the_file(finding: Finding) -> bool:
    return finding.traits.about != "model"


def _cause_place(cause: Cause, finding: Finding, folder: Path) -> str:
    if cause.path == finding.span.path:
        cell, line = cell_of(cause.path, cause.line)
        return f"line {line}" if cell is None else f"cell {cell}, line {line}"
    return f"{shown(cause.path, folder)}:{place_in(cause.path, cause.line)}"


def _where(finding: Finding) -> str:
    """The location in the model, as far as known: `in ResNet(BasicBlock) at layer2.0, layer3.0`."""
    parts = []
    if model := finding.target or finding.module:
        parts.append(f"in {one_line(model)}")
    if paths := [path for path in finding.module_paths if path]:  # the model itself has the empty path
        parts.append(f"at {', '.join(paths[:_MOST_PATHS])}")
    if len(paths) > _MOST_PATHS:
        parts.append(f"and {len(paths) - _MOST_PATHS} more")
    return " ".join(parts)
