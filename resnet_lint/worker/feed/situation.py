"""A model that was fed a guess and did not come to its end: what was fed, what went wrong, and how far it came."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from resnet_lint.shared.error_text import error_text

from ..names_at import names_at
from ..tracer.fault import Fault
from ..tracer.trace import Trace
from .better_inputs import inputs_behind
from .conditions import failed_condition
from .guess_inputs import Guesses
from .mismatches import Mismatch, mismatch_in


@dataclass(frozen=True)
class Axis:
    """One size of one input."""

    name: str
    index: int


@dataclass(frozen=True, eq=False)
class Situation:
    """`changed` is the axis in which the guesses differ from those of `before`, where a size was tried."""

    module: nn.Module
    guesses: Guesses
    trace: Trace
    size: tuple[int, int]
    before: Situation | None = None
    changed: Axis | None = None

    @property
    def error_text(self) -> str:
        """What torch or the user's code says of the first thing that went wrong."""
        faults = self.trace.all_faults
        if faults:
            return faults[0].error
        return error_text(self.trace.stop.error) if self.trace.stop is not None else ""

    @property
    def progress(self) -> int:
        """How many calls went well before the first thing that went wrong."""
        faults = self.trace.all_faults
        return faults[0].node.order if faults else len(self.trace.nodes)

    @property
    def line(self) -> int | None:
        """The line of the first thing that went wrong."""
        faults = self.trace.all_faults
        point = faults[0].point if faults else self.trace.stop.point if self.trace.stop is not None else None
        return point.span.start.line if point is not None else None

    @property
    def mismatch(self) -> Mismatch | None:
        """The two numbers that should have been equal; None where no size of an input is to make them so."""
        if self.trace.all_faults and is_models_own(self.trace.all_faults[0]):
            return None
        found = mismatch_in(self.error_text)
        if found is None and not self.trace.all_faults and self.trace.stop is not None:
            return failed_condition(self.trace.stop.error)
        return found

    @property
    def inputs_named(self) -> list[str]:
        """The guesses whose names are near where the error arose: in its expression, its line, and outward."""
        names = names_at(self.trace.stop.error) if self.trace.stop is not None else []
        return [name for name in names if name in self.guesses]

    def size_of(self, axis: Axis) -> int:
        return self.guesses[axis.name].shape[axis.index]


def is_models_own(fault: Fault) -> bool:
    """Whether sizes of inputs that make a fault go away would be a coincidence.

    So it is where a value meets another one that is made of the same input, as in a residual addition; and where a map
    meets a vector, which does not go along its width.
    """
    if fault.kind == "layer":
        return False
    operands = list(fault.node.activations)
    others = [node for node in fault.node.operands if not node.activation]
    if len(operands) > 1:
        return len(inputs_behind(operands)) == 1
    ranks = [len(node.shape or ()) for node in (*operands, *others)]
    return len(ranks) == 2 and ranks[0] > 3 and ranks[1] == 1
