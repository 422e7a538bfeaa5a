"""Traces of a model with inputs of other sizes, to confirm predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from functools import cached_property

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import depends_on
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.places import Shape

from ..tracer.trace import trace_at
from .follow_sizes import Follower
from .input_size import InputSize
from .unlike_joins import Join, joins_in, sizes_of_inputs

# The maximum number of traces of one model at other sizes.
_MOST_TRACES = 8
# The number of sizes to search.
_REACH = 512

Input = tuple[tuple[str, int], ...]
"""The input axes whose size differs from the trace: pairs of axis and size."""

Wanted = Callable[[str, int], bool]
"""Whether a size of an input axis is the one to find."""


class Resized:
    """A trace, its joins with different sizes, and traces at other sizes; the sizes of all inputs change together."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._nodes = list(trace.nodes)
        self._inputs = [node for node in self._nodes if node.kind == "input"]
        self._follower = Follower(sizes_of_inputs(self._inputs, self._nodes))
        self._traces: dict[Input, Trace] = {(): trace}
        self.joins = tuple(joins_in(self._nodes, self._follower))

    def first(self, join: Join, start: Callable[[int], int], wanted: Wanted) -> Input | None:
        """The first wanted size of each axis of a join, from `start` on, which is a function of the traced size.

        Sizes at which a tensor would be empty are skipped.
        """
        found = {axis: self._first(axis, start(self._traced[axis]), wanted) for axis in join.unlike}
        sizes = tuple((axis, size) for axis, size in found.items() if size is not None)
        return sizes if len(sizes) == len(found) else None

    def _first(self, axis: str, start: int, wanted: Wanted) -> int | None:
        sizes = self._along(axis, self._nodes)
        for size in range(start, start + _REACH):
            if wanted(axis, size) and all(along.at(size) > 0 for along in sizes):
                return size
        return None

    def reaches(self, join: Join, axis: str, size: int) -> bool:
        """Whether all tensors before a join are non-empty at a size of an axis."""
        before = (node for node in self._nodes if node.order < join.node.order)
        return all(along.at(size) > 0 for along in self._along(axis, before))

    def _along(self, axis: str, nodes: Iterable[Node]) -> list[InputSize]:
        """The distinct sizes of some nodes that depend on an input axis."""
        return [size for size in self._follower.distinct(nodes) if size.axis == axis]

    def all_agree(self, axis: str, size: int) -> bool:
        """Whether all joins work at a size of an axis."""
        return all(join.agrees(axis, size) for join in self.joins if axis in join.unlike)

    def confirms(self, size: Input | None) -> bool:
        """Whether the trace at a size is complete, makes the same calls, and fails in exactly the predicted joins.

        Predictions ignore pooling to a fixed size, and padding that is computed from a shape.
        """
        again = self.at(size) if size is not None else None
        if size is None or again is None or not again.complete or _names(again) != _names(self._trace):
            return False
        sizes, failed = {**self._traced, **dict(size)}, _failed(again)
        others = failed - _failed(self._trace) - {join.node.name for join in self.joins}
        return not others and self._foreseen(sizes, failed)

    def _foreseen(self, sizes: Mapping[str, int], failed: Set[str]) -> bool:
        """Whether the predicted joins failed; a tensor after one of them may have the size of either operand."""
        wrong: list[Node] = []
        for join in self.joins:
            if not any(depends_on(join.node, earlier) for earlier in wrong):
                if any(join.fails(axis, sizes[axis]) for axis in join.unlike):
                    wrong.append(join.node)
                if (join.node in wrong) != (join.node.name in failed):
                    return False
        return True

    def fault(self, join: Join, size: Input) -> Fault | None:
        """The fault of a join in the trace at a size."""
        trace = self.at(size)
        faults = trace.faults if trace is not None else ()
        return next((fault for fault in faults if fault.node.name == join.node.name), None)

    def at(self, size: Input) -> Trace | None:
        """The trace at another size; None if the maximum number is reached."""
        if size not in self._traces and len(self._traces) < _MOST_TRACES:
            changed = {**self._traced, **dict(size)}
            shapes = [self._shape_at(node, changed) for node in self._inputs]
            self._traces[size] = trace_at(self._trace, shapes)
        return self._traces.get(size)

    def rounded(self, divisor: int) -> Input:
        """The sizes of the trace, rounded up to multiples."""
        return tuple((axis, -(-size // divisor) * divisor) for axis, size in self._traced.items())

    @cached_property
    def _traced(self) -> Mapping[str, int]:
        """The sizes of the trace, by axis."""
        return {
            size.axis: extent
            for node in self._inputs
            for extent, size in zip(node.known_shape, self._follower.sizes(node), strict=False)
            if size is not None and not size.steps
        }

    def _shape_at(self, node: Node, changed: Mapping[str, int]) -> Shape:
        sizes = self._follower.sizes(node) or (None,) * len(node.known_shape)
        return tuple(
            extent if size is None else size.at(changed[size.axis])
            for extent, size in zip(node.known_shape, sizes, strict=True)
        )


def _failed(trace: Trace) -> set[str]:
    return {fault.node.name for fault in trace.all_faults}


def _names(trace: Trace) -> list[str]:
    return [node.name for node in trace.nodes]
