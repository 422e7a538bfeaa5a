"""Traces a model with another size of one input axis, until the first failing call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from resnet_lint.graph.axes import Altered, InputAxis, Refusal
from resnet_lint.graph.node import Node
from resnet_lint.graph.trace import Trace

from ..tensors import mapped
from ..tracer.recorder import Recorder
from ..tracer.trace import recorded


class FirstFault(Recorder):
    """A recorder that ends the forward pass at the first failing call, and stores its order and torch's error."""

    refused: tuple[int, str] | None = None

    def _after_fault(self, error: Exception, func: Callable[..., Any], args: Any, kwargs: Any, text: str) -> Any:
        if self.refused is None:
            self.refused = (self._write(func, args, kwargs, ()).order, text)
        raise error


def altered(earlier: Trace, axis: InputAxis, size: int) -> Altered:
    """Trace a model again with another size of an input axis."""
    changed = {(node, dim): size for node, dim in axis.places}
    inputs = iter([node for node in earlier.nodes if node.kind == "input"])

    def resized(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        node = next(inputs)
        return value.new_empty([changed.get((node, dim), extent) for dim, extent in enumerate(value.shape)])

    args, kwargs = mapped((earlier.args, earlier.kwargs), resized)
    recorder = FirstFault(earlier.root, earlier.project, earlier.preferred_branch)
    trace = recorded(earlier.root, args, kwargs, earlier.project, earlier.preferred_branch, recorder=recorder)
    again = _same_calls(earlier.nodes, trace.nodes)
    return Altered(axis, size, again, trace.complete, _refusal(recorder, trace, again))


def _same_calls(first: Sequence[Node], second: Sequence[Node]) -> Mapping[Node, Node]:
    """Map the nodes of a trace to those of another, until their paths differ."""
    same: dict[Node, Node] = {}
    for one, other in zip(first, second, strict=False):
        if one.name != other.name or one.point != other.point:
            break
        same[one] = other
    return same


def _refusal(recorder: FirstFault, trace: Trace, again: Mapping[Node, Node]) -> Refusal | None:
    """The failing call of a trace; None if there is none."""
    if trace.complete or recorder.refused is None:
        return None
    order, error = recorder.refused
    failed = next((node for node, other in again.items() if other.order == order), None)
    return Refusal(failed, again[failed].inputs, error) if failed is not None else None
