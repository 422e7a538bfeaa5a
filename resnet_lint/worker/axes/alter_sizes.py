"""Traces a model with another size of one input axis, until the first failing call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import torch

from resnet_lint.graph.axes import Altered, InputAxis, Refusal
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Point
from resnet_lint.graph.trace import Trace

from ..tensors import mapped
from ..tracer.in_place_changes import NoWatch
from ..tracer.recorder import Recorder
from ..tracer.trace import recorded


class FirstFault(Recorder):
    """A recorder that ends the forward pass at the first failing call, and stores its order and torch's error."""

    refused: tuple[int, str] | None = None

    def __init__(self, earlier: Trace) -> None:
        super().__init__(earlier.root, earlier.project, earlier.preferred_branch)
        self.watch = NoWatch(earlier.project)

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
    recorder = FirstFault(earlier)
    trace = recorded(earlier.root, args, kwargs, earlier.project, earlier.preferred_branch, recorder=recorder)
    again = same_calls(earlier.nodes, trace.nodes)
    return Altered(axis, size, again, trace.complete, _refusal(recorder, trace, again))


def same_calls(first: Sequence[Node], second: Sequence[Node]) -> Mapping[Node, Node]:
    """Map the nodes of a trace to those of another, without the calls that only one of them makes."""
    common = next(
        (at for at, (one, other) in enumerate(zip(first, second, strict=False)) if not _is_same(one, other)), None
    )
    if common is None:
        return dict(zip(first, second, strict=False))
    same = dict(zip(first[:common], second[:common], strict=True))
    left, right = first[common:], second[common:]
    matcher = SequenceMatcher(None, list(map(_place, left)), list(map(_place, right)), autojunk=False)
    for block in matcher.get_matching_blocks():
        same.update(zip(left[block.a :][: block.size], right[block.b :][: block.size], strict=True))
    return same


def _is_same(one: Node, other: Node) -> bool:
    return one.name == other.name and one.point == other.point


def _place(node: Node) -> tuple[str, str, Point | None, str]:
    """The function and location of a call, which is the same in a trace that takes another path before it."""
    return node.function, node.target, node.point, node.call.path if node.call is not None else ""


def _refusal(recorder: FirstFault, trace: Trace, again: Mapping[Node, Node]) -> Refusal | None:
    """The failing call of a trace; None if there is none."""
    if trace.complete or recorder.refused is None:
        return None
    order, error = recorder.refused
    failed = next((node for node, other in again.items() if other.order == order), None)
    return Refusal(failed, again[failed].inputs, error) if failed is not None else None
