"""The trace of a model once more, with inputs of other sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from torch import fx

from ...records import Shape
from ..periodic import LARGEST
from ..place import Project
from ..trace import Trace, trace_at
from .arithmetic import Size
from .follow import Follower
from .joins import Join, joins_in, sizes_of_inputs

# Traces at other sizes for one model, at most.
_MOST_TRACES = 4

Input = tuple[tuple[int, int], ...]
"""The size of each axis of the input that is another than in the trace: pairs of axis and size."""


class Resized:
    """A trace and its joins of unlike sizes; what several inputs have in common changes in all of them."""

    def __init__(self, trace: Trace, project: Project) -> None:
        self._trace = trace
        self._project = project
        nodes = list(trace.graph.nodes)
        self._inputs = [node for node in nodes if node.op == "placeholder"]
        self._follower = Follower(sizes_of_inputs(self._inputs))
        self._nodes = nodes
        self._traces: dict[Input, Trace] = {}
        self.joins = tuple(joins_in(nodes, self._follower))

    def first(self, axis: int, start: int, wanted: Callable[[int], bool]) -> int | None:
        """The first size of an axis from `start` on that is wanted, and leaves something of every tensor."""
        sizes = [size for size in self._sizes if size.axis == axis]
        for size in range(start, max(LARGEST, start + LARGEST)):
            if wanted(size) and all(each.at(size) > 0 for each in sizes):
                return size
        return None

    def working(self, joins: Sequence[Join]) -> Input | None:
        """The first sizes from those traced on at which some joins work; None where there are none."""
        axes = sorted({axis for join in joins for axis in join.unlike})
        found = {axis: self._working(axis, [join for join in joins if axis in join.unlike]) for axis in axes}
        sizes = tuple((axis, size) for axis, size in found.items() if size is not None)
        return sizes if sizes and len(sizes) == len(axes) else None

    def _working(self, axis: int, joins: Sequence[Join]) -> int | None:
        return self.first(axis, self.traced[axis], lambda size: all(join.agrees(axis, size) for join in joins))

    @cached_property
    def _sizes(self) -> set[Size]:
        return self._follower.distinct(self._nodes)

    @cached_property
    def traced(self) -> Mapping[int, int]:
        """The sizes that were traced, by axis."""
        return {
            size.axis: extent
            for node in self._inputs
            for extent, size in zip(node.meta["shape"], self._follower.sizes(node), strict=False)
            if size is not None and not size.steps
        }

    def at(self, size: Input) -> Trace | None:
        """The trace at another size; None where enough of them have been made."""
        if size not in self._traces and len(self._traces) < _MOST_TRACES:
            changed = {**self.traced, **dict(size)}
            shapes = [self._shape_at(node, changed) for node in self._inputs]
            self._traces[size] = trace_at(self._trace, shapes, self._project)
        return self._traces.get(size)

    def _shape_at(self, node: fx.Node, changed: Mapping[int, int]) -> Shape:
        sizes = self._follower.sizes(node) or (None,) * len(node.meta["shape"])
        return tuple(
            extent if size is None else size.at(changed[size.axis])
            for extent, size in zip(node.meta["shape"], sizes, strict=True)
        )
