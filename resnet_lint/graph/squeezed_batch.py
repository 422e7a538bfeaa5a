"""Finds a `squeeze()` that drops a batch of one, which makes a later layer fail."""

from __future__ import annotations

from .node import Node


def squeeze_of_batch(node: Node) -> Node | None:
    """The squeeze() without arguments before a failing call that dropped the batch dimension; None if there is none."""
    source = next(iter(node.activations), None)
    while source is not None and source.kind != "input":
        before, after = source.inputs[:1], source.shape
        if source.spelling == "squeeze" and "dim" not in source.arguments:
            return source if before and before[0][:1] == (1,) else None
        inputs = list(source.activations)
        if len(inputs) != 1 or len(inputs[0].shape or ()) != len(after or ()):
            return None
        source = inputs[0]
    return None
