"""Finds additions and concatenations that fail for some input sizes.

Arithmetic extrapolates from the traced size to all others. Traces at small and large sizes that should fail or work
confirm it. So models without such joins need no second trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from resnet_lint.graph.model import Model
from resnet_lint.shared.evidence import SizeLimit
from resnet_lint.shared.records.fix_plans import FixPlan, Hint, ResizeToSkip
from resnet_lint.shared.records.places import Span

from ..explain.explain import explain
from .other_sizes import Input, Resized
from .sizes_of_block import view_of
from .unlike_joins import Join


def size_limits(model: Model, sizes_stated: bool, reported: set[Span]) -> Iterator[SizeLimit]:
    """The joins in a trace that fail at other sizes, except for expressions in `reported`, to which they are added.

    A decoder that upsamples requires divisible sizes by design. If the file itself uses such sizes (`sizes_stated`),
    this is assumed to be intended; otherwise it is reported.
    """
    if model.trace.trouble == (0, 0):
        yield from _Probe(model).limits(reported, may_divide=sizes_stated)


class _Probe:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._resized = Resized(model.trace)

    def limits(self, reported: set[Span], may_divide: bool) -> Iterator[SizeLimit]:
        for join in self._resized.joins:
            if join.span not in reported and not (join.grows and may_divide):
                limit = self._proved(join)
                if limit is not None:
                    reported.add(join.span)
                    yield limit

    def _proved(self, join: Join) -> SizeLimit | None:
        if not holds_far_above(self._resized, join):
            return None
        same = [
            other
            for other in self._resized.joins
            if other.span == join.span and other.unlike.keys() == join.unlike.keys()
        ]

        def fails(axis: str, size: int) -> bool:
            return any(other.fails(axis, size) for other in same)

        least = self._resized.first(join, lambda traced: 1, fails)
        above = self._resized.first(join, lambda traced: traced + 1, fails)
        size = next((failing for failing in (least, above) if self._resized.confirms(failing)), None)
        if size is None:
            return None
        # Smaller sizes may fail here too, but make a later tensor empty.
        smaller = [(axis, number) for axis, found in size for number in range(1, found)]
        fail_too = (other.fails(*point) and self._resized.reaches(other, *point) for other in same for point in smaller)
        return self._limit(same, size, is_least=not any(fail_too))

    def _limit(self, same: Sequence[Join], size: Input, is_least: bool) -> SizeLimit | None:
        """The limit at a size, from the first failing join of an expression."""
        trace, faults = self._resized.at(size), [(join, self._resized.fault(join, size)) for join in same]
        join, fault = next(((join, fault) for join, fault in faults if fault is not None), (same[0], None))
        view = view_of(join, self._model)
        if view is None or trace is None or fault is None:
            return None
        failure = explain(fault, trace, self._model.label)
        inputs = tuple(node.known_shape for node in trace.nodes if node.kind == "input")
        fix_plan = replace(_for_other_sizes(failure.fix_plan), inputs=inputs) if failure.fix_plan is not None else None
        operands = view.symbolic(failure.operands, fault)
        return SizeLimit(replace(failure, operands=operands, fix_plan=fix_plan), view.record, inputs, is_least)


def _for_other_sizes(plan: FixPlan) -> FixPlan:
    """The plan for sizes that are not used in the file: whether to resize a map is the author's decision, so a hint."""
    return Hint(plan.title) if isinstance(plan, ResizeToSkip) else plan


def holds_far_above(resized: Resized, join: Join) -> bool:
    """Whether a join fails and works as predicted at sizes far above the traced one."""
    far = [resized.first(join, _far, wanted) for wanted in (join.fails, resized.all_agree)]
    return all(size is None or resized.confirms(size) for size in far)


def _far(traced: int) -> int:
    return 2 * traced + 1
