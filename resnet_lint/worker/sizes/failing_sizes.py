"""Joins that failed at the size that they were traced at: for which sizes they would work.

Arithmetic says where to look, and a second trace, at the next size that ought to work, proves it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from resnet_lint.graph.model import Model
from resnet_lint.graph.source_places import Project
from resnet_lint.shared.evidence import Failure

from ..tracer.fault import Fault
from ..tracer.trace import Trace
from .other_sizes import Resized
from .size_limits import goes_on
from .sizes_of_block import view_of
from .unlike_joins import Join

# What most networks for images divide by, in all their stages.
_DIVIDES = 32


class FaultySizes:
    """The faults of one trace, of which some may be those of its inputs' sizes."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def told(self, failure: Failure, fault: Fault) -> Failure:
        """The failure behind a fault with the sizes that would work, where there are some."""
        join = next((each for each in self._resized.joins if each.node is fault.node), None)
        view = view_of(join, self._model) if join is not None else None
        if join is None or view is None or not view.repeats or not self._works_elsewhere(join):
            return failure
        return replace(failure, operands=view.symbolic(failure.operands, fault), sizes=view.taken)

    @cached_property
    def _resized(self) -> Resized:
        return Resized(self._model.trace, self._model.project)

    def _works_elsewhere(self, join: Join) -> bool:
        """Whether a join works at the next size at which it ought to, best one at which all of them do."""
        wanted = (self._resized.all_agree, join.agrees)
        next_sizes = (self._resized.first(join, lambda traced: traced, each) for each in wanted)
        works = any(self._resized.confirms(size) for size in next_sizes)
        return works and goes_on(self._resized, join)


def where_it_works(trace: Trace, project: Project) -> Trace | None:
    """A trace at the next sizes at which all joins work, or at sizes that divide; None where it fails there too."""
    resized = Resized(trace, project)
    sizes = [resized.first(join, lambda traced: traced, resized.all_agree) for join in resized.joins]
    for size in (*sizes, resized.rounded(_DIVIDES)):
        again = resized.at(size) if size else None
        if again is not None and again.trouble == (0, 0):
            return again
    return None
