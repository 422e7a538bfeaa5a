"""Finds the axes of all tensors in a model, and the input axes that have to agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from resnet_lint.graph.axes import Altered, Axes, InputAxis
from resnet_lint.graph.meetings import meeting_at
from resnet_lint.graph.residuals import inputs_of
from resnet_lint.graph.trace import Trace

from .alter_sizes import altered, same_calls
from .input_axes import input_axes, joined, other_sizes, parted, sides_of

# The maximum number of times that input axes are merged.
_MOST_REGROUPED = 4


def find_axes(trace: Trace, batched: Trace | None = None) -> Axes:
    """Trace a model with another size of every independent input axis.

    Axes that have to agree, such as the lengths of two inputs, are changed together. `batched` is a complete trace with
    another batch size, if there is one already.
    """
    groups = input_axes([node for node in trace.nodes if node.kind == "input"])
    known = _of_batch(groups, trace, batched) if batched is not None else None
    axes = _with(groups, Axes((known,) if known is not None else ()), trace)
    for _ in range(_MOST_REGROUPED):
        better = next(_regrouped(axes, trace), None)
        if better is None:
            break
        axes = better
    return axes


def axes_by_side(trace: Trace, axes: Axes) -> Axes:
    """The axes with the height and width of square images as two.

    Both have one size in all other traces, since a model may be square by design.
    """
    groups: list[InputAxis] = []
    for axis in axes.inputs:
        groups += (sides_of(axis) if axes.is_free(axis) else None) or (axis,)
    return _with(groups, axes, trace)


def _of_batch(groups: Iterable[InputAxis], trace: Trace, batched: Trace) -> Altered | None:
    """A trace with another batch size as that of one of the axes; None if other tensors have an axis of this size."""
    pairs = [pair for pair in zip(trace.nodes, batched.nodes, strict=False) if pair[0].kind == "input"]
    places = {(node, 0) for node, other in pairs if node.shape != other.shape}
    sizes = {other.known_shape[0] for node, other in pairs if node.shape != other.shape}
    axis = next((axis for axis in groups if set(axis.places) == places), None)
    if axis is None or len(sizes) != 1 or not sizes.isdisjoint(trace.sizes):
        return None
    return Altered(axis, sizes.pop(), same_calls(trace.nodes, batched.nodes), complete=True)


def _with(groups: Iterable[InputAxis], known: Axes, trace: Trace) -> Axes:
    """The traces of some axes, reusing existing ones."""
    runs: list[Altered] = []
    for axis in groups:
        runs += [run for run in known.altered if run.axis is axis] or _runs(trace, axis)
    return Axes(tuple(runs))


def _runs(trace: Trace, axis: InputAxis) -> list[Altered]:
    """The traces at other sizes of an axis, until one is complete."""
    found: list[Altered] = []
    for size in other_sizes(axis, trace.sizes):
        found.append(altered(trace, axis, size))
        if found[-1].complete or found[-1].is_fixed_by_layer:
            break
    return found


def _regrouped(axes: Axes, trace: Trace) -> Iterator[Axes]:
    """The axes, with those merged that a failing call requires to be equal: of two inputs, or both sides of a matrix.

    If the call requires only a part of an axis, such as the columns of a square matrix that happen to be as many as
    some unrelated features, the model has to run when that part alone changes.
    """
    for run in axes.altered:
        meeting = meeting_at(run.refusal) if run.refusal is not None and not axes.is_free(run.axis) else None
        if meeting is None:
            continue
        kept = axes.of(meeting.kept_operand)[meeting.kept[1]]
        if len(kept) != 1 or run.axis in kept:
            continue
        [other] = kept
        if other.size != run.axis.size:
            continue
        if not run.axis.is_beside(other) or _are_sides(run.axis, other, axes):
            yield _with(joined(axes.inputs, run.axis, other), axes, trace)
            continue
        groups = parted(axes.inputs, run.axis, other, inputs_of(meeting.kept_operand))
        tried = _with(groups, axes, trace) if groups is not None else axes
        if tried.is_free(tried.inputs[axes.inputs.index(run.axis)]):
            yield tried


def _are_sides(one: InputAxis, other: InputAxis, axes: Axes) -> bool:
    """Whether two axes are the sides of a square matrix, as in a graph or a mask: neighbours, and not features.

    Only a tensor without any other axis is taken for a matrix in its first two.
    """
    first = dict(one.places)
    return not any(map(axes.is_fixed_by_layer, (one, other))) and all(
        abs(dim - first[node]) == 1 and (min(dim, first[node]) > 0 or len(node.known_shape) == 2)
        for node, dim in other.places
        if node in first
    )
