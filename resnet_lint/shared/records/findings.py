"""Findings and their fixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .fix_plans import FixPlan
from .places import Cause, Edit, Operand, Span

Severity = Literal["error", "warning", "info"]


Applicability = Literal["safe", "unsafe", "suggestion"]


About = Literal["file", "class", "model"]


Proof = Literal["required", "reported"]


SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")


@dataclass(frozen=True)
class Choice:
    """One of several verified fixes for a finding, and the model with the finding after it.

    `parameters` and `multiply_adds` are those of one forward pass, `shapes` its inputs and outputs. They are None if
    another expression constructs the model now.
    """

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...]
    parameters: int | None = None
    multiply_adds: int | None = None
    shapes: str | None = None


@dataclass(frozen=True)
class Fix:
    """A fix, described by `title`; without `edits` it is an unverified suggestion.

    `proved` names the symbols for which the fix is proved beyond the traced models: `cin, stride and input size`.
    `choices` are all fixes that could be verified, this one first, if no safe one was found at once.
    """

    title: str
    applicability: Applicability = "suggestion"
    verified: bool = False
    edits: tuple[Edit, ...] = ()
    proved: str | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Traits:
    """The properties of a rule that the tool uses.

    `about` is the subject of its findings: a file or a class that could not be checked, or a model. Among findings of
    one `family` at the same expression, the one with the lowest `rank` is kept. `proof` is whether a proof of the fix
    for all arguments of the block is "required", or only "reported". A model with a `silent` mistake runs, but
    trains worse than it should.
    """

    about: About = "model"
    family: str | None = None
    rank: int = 0
    proof: Proof | None = None
    silent: bool = False


@dataclass(frozen=True)
class Finding:
    """A finding of a rule about one expression, at one or several modules of the model."""

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
    traits: Traits = Traits()

    @property
    def family(self) -> str:
        return self.traits.family or self.rule
