"""The evidence about a file that rules read, as plain records."""

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
    "call",
    "arguments",
    "misspelled",
    "comment",
    "unused ignore",
]


@dataclass(frozen=True)
class Problem:
    """Why a file or one of its classes could not be checked; `help` is what would make it possible."""

    kind: ProblemKind
    span: Span
    reason: str
    module: str | None = None
    help: str | None = None


@dataclass(frozen=True)
class SizesTaken:
    """The sizes at which a join works, as a condition on the input of the module `subject`.

    `condition` is that of this join, `condition_of_all` that of all joins of the module, and `words` describes the
    latter. `grows` is whether one side is downsampled and upsampled again.
    """

    subject: str
    words: str
    condition: str
    condition_of_all: str
    grows: bool

    def text(self, what: str, operands: Sequence[Operand]) -> str:
        """`Block only accepts even heights (H % 2 == 0): this addition joins (N, 8, ceil(H/2)) and (N, 8, H//2)`."""
        own = "" if self.condition == self.condition_of_all else f" needs {self.condition}, as it"
        one, other = (f"({', '.join(operand.symbolic or ())})" for operand in _unlike(operands))
        sizes = f"{self.words} ({self.condition_of_all})"
        return f"{self.subject} only accepts {sizes}: this {what}{own} joins {one} and {other}"


def _unlike(operands: Sequence[Operand]) -> tuple[Operand, Operand]:
    """The first operand, and the first operand of another size."""
    first, *others = operands
    return first, next((other for other in others if other.shape[2:] != first.shape[2:]), others[0])


@dataclass(frozen=True)
class Failure:
    """A call that is certain to fail, confirmed by a trace.

    `error` is torch's error message on the CPU. `differs` are the properties in which the operands of an addition or
    concatenation differ. `condition` are the constructor arguments for which it fails, if it works for others;
    `contract` is the symbolic condition under which it works, if known. `sizes` are the input sizes at which it works;
    `operands` have symbolic shapes in this case. `last_round` describes the last round of a loop of the script, if it
    fails in that one only, such as "the last batch, which has 4 samples".
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
    last_round: str | None = None

    def addition_message(self, differing: str) -> str:
        """The message for a failing addition: the two shapes, what differs, and the sizes that would work."""
        (first, second) = self.operands
        operands = f"{first.role} {first.shape} and {second.role} {second.shape}"
        return self.with_sizes("cannot add", f"{operands} differ in {differing}")

    def with_sizes(self, refusal: str, reason: str) -> str:
        """The message for a failing join: the reason, and the sizes that would work."""
        if self.sizes is None:
            return f"{refusal}: {reason}"
        return f"{refusal} at this size: {reason}; {self.sizes.text(self.kind, self.operands)}"


@dataclass(frozen=True)
class LossCall:
    """A call of a loss function in the script itself, with the shapes of its tensors: the prediction, the target."""

    span: Span
    loss: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class SizeLimit:
    """A join that works at the traced size and fails at another one: `failure` is confirmed by a trace there.

    `inputs` are the shapes at which it fails; `is_least` is whether these are the smallest ones.
    """

    failure: Failure
    sizes: SizesTaken
    inputs: tuple[Shape, ...]
    is_least: bool

    @property
    def message(self) -> str:
        """The sizes that work, the operands, and the smallest input that fails."""
        fails = "the smallest input that fails is" if self.is_least else "it fails for"
        inputs = " and ".join(map(str, self.inputs))
        return f"{self.sizes.text(self.failure.kind, self.failure.operands)}; {fails} {inputs}"
