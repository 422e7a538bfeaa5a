"""The axes of all tensors of a model, and which axes of its inputs have to agree."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.graph.axes import Altered, Axes, InputAxis
from resnet_lint.graph.meetings import meeting_at
from resnet_lint.graph.source_places import Project

from ..tracer.trace import Trace
from .alter_sizes import altered
from .input_axes import input_axes, joined, other_sizes

# How often two axes of the inputs are found to be one.
_MOST_JOINED = 4


def find_axes(trace: Trace, project: Project) -> Axes:
    """Trace a model once for each independent axis of its inputs, with another size.

    Axes that have to be alike, such as the lengths of two inputs, are changed together.
    """
    groups = input_axes([node for node in trace.nodes if node.kind == "input"])
    runs = {axis: _runs(trace, axis, project) for axis in groups}
    for _ in range(_MOST_JOINED):
        axes = Axes(tuple(run for axis in groups for run in runs[axis]))
        pair = next(_alike(axes), None)
        if pair is None:
            break
        groups = joined(groups, *pair)
        runs.update((axis, _runs(trace, axis, project)) for axis in groups if axis not in runs)
    return Axes(tuple(run for axis in groups for run in runs[axis]))


def _runs(trace: Trace, axis: InputAxis, project: Project) -> list[Altered]:
    """The traces at other sizes of an axis, until one runs to its end."""
    taken = {size for node in trace.nodes for size in node.shape or ()}
    found: list[Altered] = []
    for size in other_sizes(axis, taken):
        found.append(altered(trace, axis, size, project))
        if found[-1].complete or _is_fixed(found[-1]):
            break
    return found


def _is_fixed(run: Altered) -> bool:
    """Whether a layer has weights for the size: no other one needs to be tried."""
    node = run.refusal.node if run.refusal is not None else None
    return node is not None and node.kind != "addition" and any(operand.kind == "stored" for operand in node.operands)


def _alike(axes: Axes) -> Iterator[tuple[InputAxis, InputAxis]]:
    """Pairs of axes that a call needs to agree: of two inputs, or the two sides of a matrix."""
    for run in axes.altered:
        meeting = meeting_at(run.refusal) if run.refusal is not None and not axes.is_free(run.axis) else None
        if meeting is None:
            continue
        kept = axes.of(meeting.kept_operand)[meeting.kept[1]]
        if len(kept) != 1 or run.axis in kept:
            continue
        [other] = kept
        if other.size == run.axis.size and (not run.axis.is_beside(other) or _are_sides(run.axis, other)):
            yield run.axis, other


def _are_sides(one: InputAxis, other: InputAxis) -> bool:
    """Whether two axes are the last two of an input, as in an adjacency matrix or a mask."""
    first = dict(one.places)
    return all(
        {dim, first[node]} == {len(node.known_shape) - 1, len(node.known_shape) - 2}
        for node, dim in other.places
        if node in first
    )
