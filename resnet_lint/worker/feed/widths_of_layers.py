"""Finds a layer whose wrong number of features is that of other layers, whatever the inputs are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from resnet_lint.graph.axes import Altered
from resnet_lint.graph.fault import Fault
from resnet_lint.shared.records.places import Shape

from ..axes.alter_sizes import altered
from ..axes.find_axes import find_axes
from ..axes.input_axes import other_sizes
from ..tracer.trace import trace
from .guess import STEPS, Guesses
from .guess_inputs import arguments, required_inputs
from .situation import Situation


def fails_for_any_inputs(situation: Situation) -> tuple[Fault, ...]:
    """The first fault of a trace, if it is that of a layer and no size of an input is to blame; else none.

    `Linear(14, 100)` after embeddings of 8 + 3 + 1 + 2 features and a BatchNorm1d(5): it gets 19. Every axis of the
    inputs is changed, one at a time, to several sizes: either another layer refuses them, or the layer gets as many
    features as before. So does every input with an axis less or more, alone and together with the others.
    """
    found = situation.trace
    if not found.complete or not found.all_faults or not _are_tensors(situation):
        return ()
    first = found.all_faults[0]
    if first.layer is None or not first.node.operands:
        return ()
    taken = found.sizes
    sizes = ((axis, size) for axis in find_axes(found).inputs for size in other_sizes(axis, taken))
    if not all(_is_unmoved(altered(found, axis, size), first) for axis, size in sizes):
        return ()
    return (first,) if all(_fails_too(situation, first, guesses) for guesses in _of_other_ranks(situation)) else ()


def _are_tensors(situation: Situation) -> bool:
    """Whether every input is a tensor of its own, as flags and lists may decide which layers run."""
    required = {parameter.name for parameter in required_inputs(situation.module)}
    return required == set(situation.guesses) and all(guess.kind == "tensor" for guess in situation.guesses.values())


def _of_other_ranks(situation: Situation) -> Iterator[Guesses]:
    """The inputs without a batch, and with another axis behind it: each of them, and all together."""
    guesses = situation.guesses
    for changed in (*({name} for name in guesses), set(guesses)):
        for less in (True, False):
            yield {
                name: replace(guess, shape=_with_rank(guess.shape, less)) if name in changed else guess
                for name, guess in guesses.items()
            }


def _with_rank(shape: Shape, less: bool) -> Shape:
    return shape[1:] if less else (*shape[:1], STEPS, *shape[1:])


def _fails_too(situation: Situation, fault: Fault, guesses: Guesses) -> bool:
    """Whether the model fails with other inputs, and if in the same layer, for the same number of features."""
    again = trace(situation.module, *arguments(situation.module, guesses), situation.trace.project)
    found = next(iter(again.all_faults), None)
    if found is None or found.layer is None or found.point.span != fault.point.span:
        return again.trouble > (0, 0)
    return found.got == fault.got


def _is_unmoved(run: Altered, fault: Fault) -> bool:
    """Whether the failing layer gets as many features at another size, or another layer refuses this size."""
    assert fault.layer is not None
    operand, dim = fault.node.operands[0], fault.layer.dimension
    before, after = operand.known_shape, run.shape(operand)
    if after is None:
        return run.is_fixed_by_layer and run.refusal is not None and run.refusal.node is not fault.node
    return len(after) == len(before) and after[dim] == before[dim]
