"""A batch of one that `squeeze()` takes away: the fault shows later, where a layer misses its batch."""

from __future__ import annotations

from torch import fx


def squeeze_of_batch(node: fx.Node) -> fx.Node | None:
    """The squeeze without a dimension that dropped the batch on the way to a failed call; None where there is none."""
    source = next((operand for operand in node.all_input_nodes if operand.meta["activation"]), None)
    while source is not None and source.op != "placeholder":
        before, after = source.meta["inputs"][:1], source.meta["shape"]
        if getattr(source.meta["function"], "__name__", "") == "squeeze" and len(source.args) + len(source.kwargs) == 1:
            return source if before and before[0][:1] == (1,) else None
        inputs = [operand for operand in source.all_input_nodes if operand.meta["activation"]]
        if len(inputs) != 1 or len(inputs[0].meta["shape"] or ()) != len(after or ()):
            return None
        source = inputs[0]
    return None
