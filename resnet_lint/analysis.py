"""What the rules read: everything that is known of one file, in plain records. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from .observed import Observed
from .records import Cause, ClassStatus, Mend, Operand, Span

Kind = TypeVar("Kind", bound=Observed)
FailureKind = Literal["addition", "concatenation", "layer", "shrunk", "other"]
Difference = Literal["rank", "batch", "channels", "size"]
ProblemKind = Literal[
    "unreadable", "import", "ended", "missing", "refused", "build", "trace", "comment", "unused ignore"
]


@dataclass(frozen=True)
class Problem:
    """Why a file, or one class of it, could not be looked at; `help` is what would make it possible."""

    kind: ProblemKind
    span: Span
    reason: str
    module: str | None = None
    help: str | None = None


@dataclass(frozen=True)
class Failure:
    """A call that fails for certain, proved by a trace.

    `error` is what torch says when the call runs for real. `differs` names what is unlike in the operands, for
    additions and concatenations. `condition` says for which constructor arguments it fails, where it works for others.
    """

    kind: FailureKind
    span: Span
    error: str
    module: str
    module_path: str
    target: str
    operands: tuple[Operand, ...]
    differs: frozenset[Difference] = frozenset()
    causes: tuple[Cause, ...] = ()
    mend: Mend | None = None
    condition: str | None = None
    layer: str | None = None

    def addition_message(self, differing: str) -> str:
        """The message for a failing addition: what differs, and the two shapes."""
        (first, second) = self.operands
        operands = f"{first.role} {first.shape} and {second.role} {second.shape}"
        return f"this addition cannot work: {operands} differ in {differing}"


@dataclass(frozen=True)
class Analysis:
    """One file: what kept it from being looked at, what failed in its traces, and what those that run show."""

    path: str
    problems: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    observed: tuple[Observed, ...] = ()

    def of_kind(self, kind: type[Kind]) -> Iterator[Kind]:
        """The observations of one kind."""
        return (each for each in self.observed if isinstance(each, kind))

    def failed_additions(self, differs: frozenset[Difference]) -> Iterator[Failure]:
        """The additions that fail whatever the arguments, whose operands differ in just this."""
        for failure in self.failures:
            if failure.kind == "addition" and failure.condition is None and failure.differs == differs:
                yield failure

    @classmethod
    def unreadable(cls, path: str, span: Span, reason: str) -> Analysis:
        """The analysis of a file that is no Python source."""
        return cls(path, problems=(Problem("unreadable", span, reason),))
