"""What a rule found, and the fix that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .fix_plans import FixPlan
from .places import Cause, Edit, Operand, Span

Severity = Literal["error", "warning", "info"]


Applicability = Literal["safe", "unsafe", "suggestion"]


SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")


@dataclass(frozen=True)
class Fix:
    """A fix: `title` says it in words; without `edits` it is a suggestion that nobody has verified.

    `proved` names what may be anything, beyond the models that were traced again: `cin, stride and the sizes`.
    """

    title: str
    applicability: Applicability = "suggestion"
    verified: bool = False
    edits: tuple[Edit, ...] = ()
    proved: str | None = None


@dataclass(frozen=True)
class Finding:
    """What a rule has to say about one expression, at one or many places of the model."""

    rule: str
    name: str
    severity: Severity
    message: str
    span: Span
    module: str | None = None
    module_paths: tuple[str, ...] = ()
    target: str | None = None
    operands: tuple[Operand, ...] = ()
    causes: tuple[Cause, ...] = ()
    fix: Fix | None = None
    fix_plan: FixPlan | None = None
