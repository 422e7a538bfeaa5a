"""What the rules read: everything that is known of one file, in plain records. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .records.fix_plans import FixPlan
from .records.places import Cause, Operand, Shape, Span

FailureKind = Literal["addition", "concatenation", "layer", "shrunk", "other"]
Difference = Literal["rank", "batch", "channels", "size"]
ProblemKind = Literal[
    "unreadable",
    "import",
    "not run",
    "ended",
    "missing",
    "unneeded",
    "refused",
    "build",
    "trace",
    "error",
    "misspelled",
    "comment",
    "unused ignore",
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
class SizesTaken:
    """Which sizes a join works for that does not work for all: a condition on the input of the module `subject`.

    `condition` is that of this join, `condition_of_all` that of all joins of the module together, and `words` says that
    one in words. `grows` is true where one side is made smaller and larger again.
    """

    subject: str
    words: str
    condition: str
    condition_of_all: str
    grows: bool

    def text(self, what: str, operands: Sequence[Operand]) -> str:
        """`Block only accepts even heights (H % 2 == 0): this addition joins (N, 8, ceil(H/2)) and (N, 8, H//2)`."""
        own = "" if self.condition == self.condition_of_all else f" needs {self.condition}, as it"
        one, other = (f"({', '.join(each.symbolic or ())})" for each in _unlike(operands))
        sizes = f"{self.words} ({self.condition_of_all})"
        return f"{self.subject} only accepts {sizes}: this {what}{own} joins {one} and {other}"


def _unlike(operands: Sequence[Operand]) -> tuple[Operand, Operand]:
    """The first operand, and the first whose size is another."""
    first, *others = operands
    return first, next((each for each in others if each.shape[2:] != first.shape[2:]), others[0])


@dataclass(frozen=True)
class Failure:
    """A call that fails for certain, proved by a trace.

    `error` is what torch says when the call runs for real. `differs` names what is unlike in the operands, for
    additions and concatenations. `condition` says for which constructor arguments it fails, where it works for others;
    `contract` is the condition under which it works, where symbols could tell. `sizes` says the same of the sizes of
    inputs; `operands` have symbolic shapes then.
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
    fix_plan: FixPlan | None = None
    condition: str | None = None
    layer: str | None = None
    contract: str | None = None
    sizes: SizesTaken | None = None

    def addition_message(self, differing: str) -> str:
        """The message for a failing addition: what differs, the two shapes, and which sizes would work."""
        (first, second) = self.operands
        operands = f"{first.role} {first.shape} and {second.role} {second.shape}"
        return self.with_sizes("cannot add", f"{operands} differ in {differing}")

    def with_sizes(self, refusal: str, reason: str) -> str:
        """The message for a join that fails: that it cannot work, or not at this size, why, and which sizes would."""
        if self.sizes is None:
            return f"{refusal}: {reason}"
        return f"{refusal} at this size: {reason}; {self.sizes.text(self.kind, self.operands)}"


@dataclass(frozen=True)
class SizeLimit:
    """A join that works at the size that was traced, and fails at another one: `failure` is proved by a trace there.

    `inputs` are the shapes at which it fails, `is_least` if no smaller one does.
    """

    failure: Failure
    sizes: SizesTaken
    inputs: tuple[Shape, ...]
    is_least: bool

    @property
    def message(self) -> str:
        """What works and what does not: the condition, the operands, the smallest input that fails."""
        fails = "the smallest input that fails is" if self.is_least else "it fails for"
        inputs = " and ".join(map(str, self.inputs))
        return f"{self.sizes.text(self.failure.kind, self.failure.operands)}; {fails} {inputs}"
