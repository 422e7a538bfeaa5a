"""Additions and concatenations that fail for some sizes of an input that a model takes otherwise.

What a trace shows at one size, arithmetic carries over to all others, and a second trace at the smallest size that
ought to fail proves it. So a model without such a join costs no second trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...analysis import SizeLimit
from ...records import Span
from ..explain import explain
from ..fault import Fault
from ..seen import Seen
from ..trace import Trace
from .joins import Join
from .resized import Input, Resized
from .view import view_of


def size_limits(seen: Seen, sizes_stated: bool, told: set[Span]) -> Iterator[SizeLimit]:
    """The joins of a trace that fail at other sizes, but for the expressions `told`, to which they are added.

    A decoder that doubles what was halved takes what divides, by design. Where the file itself feeds such sizes
    (`sizes_stated`), its author means that; where nobody says what it is fed, it has to be told.
    """
    if seen.trace.trouble == (0, 0):
        yield from _Probe(seen).limits(told, may_divide=sizes_stated)


class _Probe:
    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._resized = Resized(seen.trace, seen.project)

    def limits(self, told: set[Span], may_divide: bool) -> Iterator[SizeLimit]:
        for join in self._resized.joins:
            if join.span not in told and not (join.grows and may_divide):
                limit = self._proved(join)
                if limit is not None:
                    told.add(join.span)
                    yield limit

    def _proved(self, join: Join) -> SizeLimit | None:
        known = {each.span for each in self._resized.joins}
        for size, is_least in self._failing(join):
            trace = self._resized.at(size)
            faults = {fault.point.span: fault for fault in trace.faults} if trace is not None and trace.complete else {}
            if trace is not None and join.span in faults and faults.keys() <= known:
                return self._limit(join, trace, faults[join.span], is_least)
        return None

    def _failing(self, join: Join) -> Iterator[tuple[Input, bool]]:
        """Inputs at which a join ought to fail: the smallest one, then the next one above the size that was traced."""
        least = {axis: self._first(join, axis, 1) for axis in join.unlike}
        above = {axis: self._first(join, axis, self._resized.traced[axis] + 1) for axis in join.unlike}
        for sizes, is_least in ((least, True), (above, False)):
            if None not in sizes.values():
                yield tuple((axis, size) for axis, size in sizes.items() if size is not None), is_least

    def _first(self, join: Join, axis: int, start: int) -> int | None:
        return self._resized.first(axis, start, lambda size: join.fails(axis, size))

    def _limit(self, join: Join, trace: Trace, fault: Fault, is_least: bool) -> SizeLimit | None:
        view = view_of(join, self._seen)
        if view is None:
            return None
        failure = explain(fault, trace, self._seen.project, self._seen.label)
        inputs = tuple(node.meta["shape"] for node in trace.graph.nodes if node.op == "placeholder")
        mend = replace(failure.mend, inputs=inputs) if failure.mend is not None else None
        operands = view.symbolic(failure.operands, fault)
        return SizeLimit(replace(failure, operands=operands, mend=mend), view.taken, inputs, is_least)
