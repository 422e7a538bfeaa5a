"""What the rules read: everything that is known of one file, in plain records. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from .observed import Observed
from .records import Cause, ClassStatus, Mend, Operand, Shape, Span

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
    additions and concatenations. `condition` says for which constructor arguments it fails, where it works for others;
    `contract` is the condition under which it works, where symbols could tell.
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
    contract: str | None = None

    def addition_message(self, differing: str) -> str:
        """The message for a failing addition: what differs, and the two shapes."""
        (first, second) = self.operands
        operands = f"{first.role} {first.shape} and {second.role} {second.shape}"
        return f"this addition cannot work: {operands} differ in {differing}"


@dataclass(frozen=True)
class SizeLimit:
    """An addition or concatenation that works for some input sizes only: `failure` is proved by a trace at another one.

    `condition` is that of the input of the module `subject`; `condition_of_all` is that of all its joins together, and
    `words` says it in words. `inputs` are the shapes at which it fails, `is_least` if no smaller one does. `grows` is
    true where one side is made smaller and larger again.
    """

    failure: Failure
    subject: str
    words: str
    condition: str
    condition_of_all: str
    inputs: tuple[Shape, ...]
    is_least: bool
    grows: bool

    @property
    def _unlike(self) -> tuple[Operand, Operand]:
        """The first operand, and the first whose size is another where it fails."""
        first, *others = self.failure.operands
        return first, next((each for each in others if each.shape[2:] != first.shape[2:]), others[0])

    @property
    def message(self) -> str:
        """What works and what does not: the condition, the operands, the smallest input that fails."""
        what = "addition" if self.failure.kind == "addition" else "concatenation"
        own = "" if self.condition == self.condition_of_all else f" needs {self.condition}, as it"
        one, other = (f"({', '.join(each.symbolic or ())})" for each in self._unlike)
        fails = "the smallest input that fails is" if self.is_least else "it fails for"
        sizes = f"{self.words} ({self.condition_of_all})"
        inputs = " and ".join(map(str, self.inputs))
        return f"{self.subject} takes only {sizes}: this {what}{own} joins {one} and {other}; {fails} {inputs}"


@dataclass(frozen=True)
class Analysis:
    """One file: what kept it from being looked at, what failed in its traces, and what those that run show."""

    path: str
    problems: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    observed: tuple[Observed, ...] = ()
    size_limits: tuple[SizeLimit, ...] = ()

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
