"""Finds a layer whose wrong number of features is that of other layers, whatever the inputs are."""

from __future__ import annotations

from resnet_lint.graph.axes import Altered
from resnet_lint.graph.fault import Fault

from ..axes.alter_sizes import altered
from ..axes.find_axes import find_axes
from ..axes.input_axes import other_sizes
from .guess_inputs import required_inputs
from .situation import Situation


def fails_for_any_inputs(situation: Situation) -> tuple[Fault, ...]:
    """The first fault of a trace, if it is that of a layer and no size of an input is to blame; else none.

    `Linear(14, 100)` after embeddings of 8 + 3 + 1 + 2 features and a BatchNorm1d(5): it gets 19. Every axis of the
    inputs is changed, one at a time, to several sizes: either another layer refuses them, or the layer gets as many
    features as before.
    """
    trace = situation.trace
    if not trace.complete or not trace.all_faults or not _are_tensors(situation):
        return ()
    first = trace.all_faults[0]
    if first.layer is None or not first.node.operands:
        return ()
    taken = {size for node in trace.nodes for size in node.shape or ()}
    sizes = ((axis, size) for axis in find_axes(trace).inputs for size in other_sizes(axis, taken))
    return (first,) if all(_is_unmoved(altered(trace, axis, size), first) for axis, size in sizes) else ()


def _are_tensors(situation: Situation) -> bool:
    """Whether every input is a tensor of its own, as flags and lists may decide which layers run."""
    required = {parameter.name for parameter in required_inputs(situation.module)}
    return required == set(situation.guesses) and all(guess.kind == "tensor" for guess in situation.guesses.values())


def _is_unmoved(run: Altered, fault: Fault) -> bool:
    """Whether the failing layer gets as many features at another size, or another layer refuses this size."""
    assert fault.layer is not None
    operand, dim = fault.node.operands[0], fault.layer.dimension
    before, after = operand.known_shape, run.shape(operand)
    if after is None:
        return run.is_fixed_by_layer and run.refusal is not None and run.refusal.node is not fault.node
    return len(after) == len(before) and after[dim] == before[dim]
