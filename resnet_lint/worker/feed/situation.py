"""A trace with guessed inputs that failed: the guesses, the error, and the progress."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from torch import nn

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text

from ..names_at import names_at
from ..tensors import parameters_of
from .better_inputs import inputs_behind
from .conditions import failed_condition
from .guess import Guesses
from .mismatches import Mismatch, mismatch_in


@dataclass(frozen=True)
class Axis:
    """A dimension of an input."""

    name: str
    index: int


@dataclass(frozen=True, eq=False)
class Situation:
    """A failed trace. `changed` is the axis in which the guesses differ from those of `before`, if a size was tried."""

    module: nn.Module
    guesses: Guesses
    trace: Trace
    size: tuple[int, int]
    before: Situation | None = None
    changed: Axis | None = None

    @property
    def error_text(self) -> str:
        """The first error message, of torch or the user's code."""
        faults = self.trace.all_faults
        if faults:
            return faults[0].error
        return error_text(self.trace.stop.error) if self.trace.stop is not None else ""

    @property
    def progress(self) -> int:
        """The number of successful calls before the first error."""
        faults = self.trace.all_faults
        return faults[0].node.order if faults else len(self.trace.nodes)

    @property
    def line(self) -> int | None:
        """The line of the first error."""
        faults = self.trace.all_faults
        point = faults[0].point if faults else self.trace.stop.point if self.trace.stop is not None else None
        return point.span.start.line if point is not None else None

    @property
    def mismatch(self) -> Mismatch | None:
        """The two numbers that should be equal; None if no input size can make them equal."""
        if self.trace.all_faults and is_models_own(self.trace.all_faults[0], self.module):
            return None
        found = mismatch_in(self.error_text)
        if found is None and not self.trace.all_faults and self.trace.stop is not None:
            return failed_condition(self.trace.stop.error)
        return found

    @property
    def inputs_named(self) -> list[str]:
        """The guesses whose names occur near the error: in its expression, its line, and outward."""
        names = names_at(self.trace.stop.error) if self.trace.stop is not None else []
        return [name for name in names if name in self.guesses]

    def size_of(self, axis: Axis) -> int:
        return self.guesses[axis.name].shape[axis.index]


def is_lazy(module: nn.Module) -> bool:
    """Whether a module has parameters that get their shapes from its first input, as in `nn.LazyConv2d(64, 3)`."""
    return any(nn.parameter.is_lazy(tensor) for tensor in (*parameters_of(module), *nn.Module.buffers(module)))


def copy_of_lazy(module: nn.Module) -> nn.Module:
    """A deep copy of a module with lazy layers; torch itself cannot copy an uninitialized buffer."""
    fresh: dict[int, Any] = {}
    for tensor in (*parameters_of(module), *nn.Module.buffers(module)):
        if nn.parameter.is_lazy(tensor):
            uninitialized: Any = type(tensor)
            fresh[id(tensor)] = uninitialized(tensor.requires_grad, device=tensor.device, dtype=tensor.dtype)
    return copy.deepcopy(module, fresh)


def is_models_own(fault: Fault, module: nn.Module) -> bool:
    """Whether input sizes that avoid a fault would be a coincidence.

    This is the case if both operands depend on the same input, as in a residual addition, and if a map is combined with
    a vector that does not correspond to its width. Lazy layers accept any width, so it is not the case for them.
    """
    if fault.kind == "layer" or is_lazy(module):
        return False
    operands = list(fault.node.activations)
    others = [node for node in fault.node.operands if not node.activation]
    if len(operands) > 1:
        return len(inputs_behind(operands)) == 1
    ranks = [len(node.shape or ()) for node in (*operands, *others)]
    return len(ranks) == 2 and ranks[0] > 3 and ranks[1] == 1
