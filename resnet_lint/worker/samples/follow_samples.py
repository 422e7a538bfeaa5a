"""Tracks the samples of a batch through a forward pass, and finds the calls that mix them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from resnet_lint.graph.model import Model
from resnet_lint.graph.samples import Crossing, Samples
from resnet_lint.graph.stated_batch import stated_batch
from resnet_lint.graph.trace import Trace

from ..tensors import mapped, tensors_in
from ..tracer.trace import recorded
from .dye import Dye
from .dyed_recorder import DyedRecorder, Known

_BATCHES = (3, 5, 7, 11, 13)
"""Candidate batch sizes: primes, so that few axes are a multiple of the batch size."""


@dataclass(frozen=True, eq=False)
class Followed:
    """A trace with another `batch`: the crossings that reach its outputs, whether a layer confirms the batch axis, and
    whether an output has it.

    `out[:, -1]` of a recurrent layer that takes the sequence first has only the last sample.
    """

    trace: Trace
    batch: int
    crossings: tuple[Crossing, ...]
    batch_is_certain: bool
    is_kept: bool


def followed_batch(model: Model, known: Known) -> Followed | None:
    """Track the first axis of a model's inputs, with a size that differs from all other input sizes.

    None if the inputs have no common first axis, or the model fails with this size.
    """
    batch = _batch_for(model.trace)
    return _followed(model, 0, batch, known) if batch is not None and not _is_container(model.trace) else None


def samples_of(model: Model, first: Followed, known: Known) -> Samples | None:
    """The samples of a model whose first axis was tracked.

    None if the batch axis is uncertain, because the sequence may be first, or an input may be a list of tensors.
    """
    if first.crossings and not _batch_is_certain(model, first) and not _second_axis_mixes(model, first.batch, known):
        return None
    return Samples(first.batch, first.crossings)


def _batch_is_certain(model: Model, first: Followed) -> bool:
    return first.batch_is_certain or _second_axis_is_fixed(model) or stated_batch(model) is not None


def _second_axis_is_fixed(model: Model) -> bool:
    """Whether a layer has weights for the size of the second of three axes, so that only the first is the batch."""
    axes = model.axes
    tensors = [node for node in model.nodes if node.kind == "input"]
    second = [axis for axis in axes.inputs if (tensors[0], 1) in axis.places] if axes is not None and tensors else []
    return (
        axes is not None
        and len(tensors[0].shape or ()) > 2
        and any(not axis.is_square and axes.is_fixed_by_layer(axis) for axis in second)
    )


def _second_axis_mixes(model: Model, batch: int, known: Known) -> bool:
    """Whether the second axis is mixed too, so that it is a sequence, and the first one is the batch."""
    second = _followed(model, 1, batch, known)
    return second is not None and bool(second.crossings or not second.is_kept)


def _followed(model: Model, axis: int, batch: int, known: Known) -> Followed | None:
    """Track samples along an axis of the inputs; None if the model fails."""
    trace = model.trace
    length = _length(trace, axis)
    if length is None:
        return None
    args, kwargs = mapped((trace.args, trace.kwargs), lambda value: _resized(value, axis, length, batch))
    recorder = DyedRecorder(trace.root, model.project, trace.preferred_branch, batch, known)
    for tensor in tensors_in((args, kwargs)):
        if tensor.dim() > axis and tensor.shape[axis] == batch:
            recorder.dye(tensor, axis)
    again = recorded(trace.root, args, kwargs, model.project, trace.preferred_branch, recorder=recorder)
    if again.trouble != (0, 0):
        return None
    outputs = [tensor for tensor in tensors_in(again.output) if tensor.dim() > 0]  # a loss has no batch
    dyes = [dye for tensor in outputs if (dye := recorder.dye_of(tensor)) is not None]
    crossings = sorted(set(_crossings(dyes, axis)), key=lambda crossing: crossing.node.order)
    is_kept = any(not dye.is_of_one_sample for dye in dyes)
    return Followed(again, batch, tuple(crossings), recorder.batch_is_certain, is_kept)


def _crossings(dyes: list[Dye], axis: int) -> Iterator[Crossing]:
    """The crossings before outputs that have the batch on the same axis as the inputs."""
    for dye in dyes:
        if dye.scattered_by is not None:
            yield Crossing(dye.scattered_by, "folded")
        if dye.axis == axis or (dye.axis is not None and dye.owners is not None and dye.owners.dim() > 2):
            yield from dye.crossings


def _is_container(trace: Trace) -> bool:
    """Whether the model takes entries of an input by number, `x[0]` and `x[1]`: its first axis is no batch."""
    taken = {
        node.arguments["index"]
        for node in trace.nodes
        if node.function == "getitem" and node.operands[0].kind == "input" and type(node.arguments.get("index")) is int
    }
    return len(taken) > 1


def _batch_for(trace: Trace) -> int | None:
    """The candidate batch size that divides the fewest sizes in the model."""
    if trace.is_real or _length(trace, 0) is None:
        return None
    sizes = trace.sizes
    return min(_BATCHES, key=lambda batch: sum(size % batch == 0 for size in sizes))


def _length(trace: Trace, axis: int) -> int | None:
    """The size of an axis of the first input that has it."""
    tensors = [tensor for tensor in tensors_in((trace.args, trace.kwargs)) if tensor.dim() > axis]
    return tensors[0].shape[axis] if tensors else None


def _resized(value: Any, axis: int, length: int, batch: int) -> Any:
    if not isinstance(value, torch.Tensor) or value.dim() <= axis or value.shape[axis] != length:
        return value
    return value.new_empty((*value.shape[:axis], batch, *value.shape[axis + 1 :]))
