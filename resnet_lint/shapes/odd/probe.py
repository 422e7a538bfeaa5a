"""Additions and concatenations that fail for some sizes of an input that a model takes otherwise.

What a trace shows at one size, arithmetic carries over to all others. Traces at sizes that ought to fail and to work,
small and large, prove it. So a model without such a join costs no second trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...analysis import SizeLimit
from ...records import Span
from ..explain import explain
from ..seen import Seen
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
        if not goes_on(self._resized, join):
            return None
        least = self._resized.first(join, lambda traced: 1, join.fails)
        above = self._resized.first(join, lambda traced: traced + 1, join.fails)
        size = next((each for each in (least, above) if self._resized.confirmed(each) is not None), None)
        return self._limit(join, size, size == least) if size is not None else None

    def _limit(self, join: Join, size: Input, is_least: bool) -> SizeLimit | None:
        view = view_of(join, self._seen)
        trace, fault = self._resized.at(size), self._resized.fault(join, size)
        if view is None or trace is None or fault is None:
            return None
        failure = explain(fault, trace, self._seen.project, self._seen.label)
        inputs = tuple(node.meta["shape"] for node in trace.graph.nodes if node.op == "placeholder")
        mend = replace(failure.mend, inputs=inputs) if failure.mend is not None else None
        operands = view.symbolic(failure.operands, fault)
        return SizeLimit(replace(failure, operands=operands, mend=mend), view.taken, inputs, is_least)


def goes_on(resized: Resized, join: Join) -> bool:
    """Whether a join goes on failing and working as it ought to at sizes far above the one that was traced."""
    far = [resized.first(join, _far, wanted) for wanted in (join.fails, resized.all_agree)]
    return all(size is None or resized.confirmed(size) is not None for size in far)


def _far(traced: int) -> int:
    return 2 * traced + 1
