"""Finds what works for one batch size only, by a second trace with another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from resnet_lint.graph.model import Seen, function_name
from resnet_lint.graph.residuals import depends_on
from resnet_lint.shared.observed import BatchCall, BatchTrap

from ..fix_plans.batch import batch_kept
from ..tensors import mapped, tensors_in
from .torch_functions import CONCATENATIONS
from .trace import Trace, trace


def batch_traps(seen: Seen) -> Iterator[BatchTrap]:
    """Calls in the user's code that take the batch for something else, where that changes or breaks the result.

    Costs a trace only where there is such a call.
    """
    batch = _batch_of(seen.trace)
    suspects = [(node, call) for node in seen.trace.graph.nodes if batch and (call := _suspect(node, batch))]
    other = at_other_batch(seen) if suspects else None
    consequence = _consequence(seen.trace, other) if other is not None else None
    if other is None or consequence is None:
        return
    at_same_place = {node.meta["point"]: node for node in other.trace.graph.nodes if node.meta.get("function")}
    for node, call in suspects:
        again = at_same_place.get(node.meta["point"])
        if again is not None and _is_trap(call, node, again, other.trace):
            place = seen.place(node.meta["point"].span, seen.owner(node))
            result = again.meta["shape"]
            plan = batch_kept(node) if call != "concatenation" else None
            yield BatchTrap(
                **place, call=call, batch=other.batch, result=result, consequence=consequence, fix_plan=plan
            )


@dataclass(frozen=True, eq=False)
class OtherBatch:
    """A second trace of a model, with a batch of `batch` in place of `first`."""

    trace: Trace
    first: int
    batch: int


def at_other_batch(seen: Seen) -> OtherBatch | None:
    """Trace a model again with another batch size; None where its inputs have no batch in common."""
    first = _batch_of(seen.trace)
    if first is None:
        return None
    batch = 2 if first == 1 else 1
    args, kwargs = mapped((seen.trace.args, seen.trace.kwargs), lambda value: _with_batch(value, batch))
    return OtherBatch(trace(seen.trace.root, args, kwargs, seen.project), first, batch)


def _batch_of(first: Trace) -> int | None:
    """The size of the first dimension, where all inputs have the same."""
    shapes = [tuple(tensor.shape) for tensor in tensors_in([first.args, first.kwargs])]
    sizes = {shape[0] if shape else 0 for shape in shapes}
    return sizes.pop() if len(sizes) == 1 and 0 not in sizes else None


def _with_batch(value: Any, batch: int) -> Any:
    return value.new_empty((batch, *value.shape[1:])) if isinstance(value, torch.Tensor) else value


def _suspect(node: fx.Node, batch: int) -> BatchCall | None:
    """What a call may do to the batch: drop it when it is one, fix its size, or stack onto it."""
    name, inputs, shape = function_name(node), node.meta["inputs"], node.meta["shape"]
    if not node.meta["activation"] or not node.meta["point"] or not inputs or not inputs[0] or not shape:
        return None
    if name == "squeeze" and len(node.args) == 1 and not node.kwargs and batch > 1 and inputs[0][0] == batch:
        return "squeeze"
    if name in ("view", "reshape") and batch > 1 and _first_size(node) == batch == shape[0]:
        return "view"
    along = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    if node.meta["function"] in CONCATENATIONS and along in (0, -len(shape)) and len(inputs) > 1:
        return "concatenation" if all(part[0] == batch for part in inputs) else None
    return None


def _first_size(node: fx.Node) -> Any:
    size = node.args[1] if len(node.args) > 1 else None
    return size[0] if isinstance(size, (tuple, list)) and size else size


def _is_trap(call: BatchCall, node: fx.Node, again: fx.Node, second: Trace) -> bool:
    if call == "squeeze":
        return again.meta["shape"] is not None and len(again.meta["shape"]) < len(node.meta["shape"])
    if call == "view":
        return bool(_first_size(again) == _first_size(node))
    return any(depends_on(fault.node, again) for fault in second.all_faults if fault.kind == "addition")


def _consequence(first: Trace, other: OtherBatch) -> str | None:
    """What goes wrong with the other batch size; None where nothing does."""
    if other.trace.all_faults:
        fault = other.trace.all_faults[0]
        return f"line {fault.point.span.start.line} fails: {' '.join(fault.error.split())}"
    if other.trace.stop is not None:
        return None
    before, after = ([tuple(each.shape) for each in tensors_in(run.output)] for run in (first, other.trace))
    for one, two in zip(before, after, strict=False):
        expected = (other.batch, *one[1:]) if one and one[0] == other.first else one
        if two != expected:
            return f"the model gives {two} instead of {expected}"
    return None
