"""Additions and concatenations that fail for some sizes of an input that a model takes otherwise.

What a trace shows at one size, arithmetic carries over to all others, and a second trace at the smallest size that
ought to fail proves it. So a model without such a join costs no second trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from torch import fx

from ...analysis import SizeLimit
from ...records import Shape, Span
from ..explain import explain
from ..fault import Fault
from ..residuals import residual_at
from ..seen import Seen
from ..trace import Trace, trace_at
from .arithmetic import Size
from .condition import LARGEST
from .follow import Follower
from .joins import Join, joins_in, sizes_of_inputs
from .view import view_of

# Traces at other sizes for one model, at most.
_MOST_TRACES = 4

Input = tuple[tuple[int, int], ...]
"""The size of each axis of the input that is another than in the trace: pairs of axis and size."""


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
        self._nodes = list(seen.trace.graph.nodes)
        self._inputs = [node for node in self._nodes if node.op == "placeholder"]
        self._follower = Follower(sizes_of_inputs(self._inputs))
        self._joins = list(joins_in(self._nodes, self._follower))
        self._traces: dict[Input, Trace] = {}

    def limits(self, told: set[Span], may_divide: bool) -> Iterator[SizeLimit]:
        for join in self._joins:
            if join.span not in told and not (join.grows and may_divide):
                limit = self._proved(join)
                if limit is not None:
                    told.add(join.span)
                    yield limit

    def _proved(self, join: Join) -> SizeLimit | None:
        known = {each.span for each in self._joins}
        for size, is_least in self._failing(join):
            trace = self._traced_at(size)
            faults = {fault.point.span: fault for fault in trace.faults} if trace is not None and trace.complete else {}
            if trace is not None and join.span in faults and faults.keys() <= known:
                return self._limit(join, trace, faults[join.span], is_least)
        return None

    def _failing(self, join: Join) -> Iterator[tuple[Input, bool]]:
        """Inputs at which a join ought to fail: the smallest one, then the next one above the size that was traced."""
        least = {axis: self._first(join, axis, 1) for axis in join.unlike}
        above = {axis: self._first(join, axis, self._traced[axis] + 1) for axis in join.unlike}
        for sizes, is_least in ((least, True), (above, False)):
            if None not in sizes.values():
                yield tuple((axis, size) for axis, size in sizes.items() if size is not None), is_least

    def _first(self, join: Join, axis: int, start: int) -> int | None:
        sizes = [size for size in self._sizes if size.axis == axis]
        for size in range(start, max(LARGEST, start + LARGEST)):
            if join.fails(axis, size) and all(each.at(size) > 0 for each in sizes):
                return size
        return None

    @cached_property
    def _sizes(self) -> set[Size]:
        return {size for node in self._nodes for size in self._follower.sizes(node) if size is not None}

    @cached_property
    def _traced(self) -> Mapping[int, int]:
        """The sizes that were traced, by axis."""
        return {
            size.axis: extent
            for node in self._inputs
            for extent, size in zip(node.meta["shape"], self._follower.sizes(node), strict=False)
            if size is not None and not size.steps
        }

    def _traced_at(self, size: Input) -> Trace | None:
        if size not in self._traces and len(self._traces) < _MOST_TRACES:
            changed = {**self._traced, **dict(size)}
            shapes = [self._shape_at(node, changed) for node in self._inputs]
            self._traces[size] = trace_at(self._seen.trace, shapes, self._seen.project)
        return self._traces.get(size)

    def _shape_at(self, node: fx.Node, changed: Mapping[int, int]) -> Shape:
        sizes = self._follower.sizes(node) or (None,) * len(node.meta["shape"])
        return tuple(
            extent if size is None else size.at(changed[size.axis])
            for extent, size in zip(node.meta["shape"], sizes, strict=True)
        )

    def _limit(self, join: Join, trace: Trace, fault: Fault, is_least: bool) -> SizeLimit | None:
        view = view_of(join, self._seen)
        if view is None:
            return None
        failure = explain(fault, trace, self._seen.project, self._seen.label)
        told = zip(failure.operands, _operands(join, fault), strict=False)
        operands = tuple(replace(operand, symbolic=view.shape_text(node)) for operand, node in told)
        inputs = tuple(node.meta["shape"] for node in trace.graph.nodes if node.op == "placeholder")
        mend = replace(failure.mend, inputs=inputs) if failure.mend is not None else None
        return SizeLimit(
            replace(failure, operands=operands, mend=mend),
            type(view.call.module).__name__,
            view.words,
            view.condition,
            view.condition_of_all,
            inputs,
            is_least,
            join.grows,
        )


def _operands(join: Join, fault: Fault) -> list[fx.Node]:
    """The operands of a join in the order in which a failure tells them."""
    same = dict(zip(fault.node.all_input_nodes, join.node.all_input_nodes, strict=False))
    residual = residual_at(fault.node)
    return [same[residual.branch], same[residual.shortcut]] if residual is not None else list(same.values())
