"""A batch of one that `squeeze()` takes away: the fault shows later, where a layer misses its batch."""

from __future__ import annotations

from .node import Node


def squeeze_of_batch(node: Node) -> Node | None:
    """The squeeze without a dimension that dropped the batch on the way to a failed call; None where there is none."""
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
