"""Finds the sizes that would work, for joins that fail at the traced size.

Arithmetic predicts the next larger size that works, and a trace confirms it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.model import Model
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.evidence import Failure

from .other_sizes import Resized
from .size_limits import holds_far_above
from .sizes_of_block import view_of
from .unlike_joins import Join

# The total stride of most image networks.
_DIVIDES = 32


class FaultySizes:
    """The faults of a trace; some may depend on the input sizes."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def with_sizes(self, failure: Failure, fault: Fault) -> Failure:
        """The failure, with the sizes that would work, if there are any."""
        join = next((join for join in self._resized.joins if join.node is fault.node), None)
        view = view_of(join, self._model) if join is not None else None
        if join is None or view is None or not view.repeats or not self._works_elsewhere(join):
            return failure
        return replace(failure, operands=view.symbolic(failure.operands, fault), sizes=view.record)

    @cached_property
    def _resized(self) -> Resized:
        return Resized(self._model.trace)

    def _works_elsewhere(self, join: Join) -> bool:
        """Whether a join works at the next size at which it should, preferably one at which all joins do."""
        conditions = (self._resized.all_agree, join.agrees)
        next_sizes = (self._resized.first(join, lambda traced: traced, condition) for condition in conditions)
        works = any(self._resized.confirms(size) for size in next_sizes)
        return works and holds_far_above(self._resized, join)


def where_it_works(trace: Trace) -> Trace | None:
    """A trace at the next sizes at which all joins work, or at multiples of 32; None if it fails there too."""
    resized = Resized(trace)
    sizes = [resized.first(join, lambda traced: traced, resized.all_agree) for join in resized.joins]
    for size in (*sizes, resized.rounded(_DIVIDES)):
        again = resized.at(size) if size else None
        if again is not None and again.trouble == (0, 0):
            return again
    return None
