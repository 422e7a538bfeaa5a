"""Finds position codes that are added along the batch instead of along the sequence.

`x + table[:x.size(0)]` is right for (sequence, batch, features) and wrong for (batch, sequence, features). Which one
it is shows where attention compares the sequence with itself, or in a layer with `batch_first`.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from ..observed import CodePerSample
from .joins import is_addition
from .seen import Seen


def codes_per_sample(seen: Seen) -> Iterator[CodePerSample]:
    """Additions of a tensor that depends on no input, one value for each sample and the same along the sequence."""
    for node in seen.trace.graph.nodes:
        operands = [arg for arg in node.args[:2] if isinstance(arg, fx.Node)] if is_addition(node) else []
        if len(operands) != 2 or node.meta["point"] is None:
            continue
        [codes, tensors] = [[each for each in operands if each.meta["activation"] is kind] for kind in (False, True)]
        if len(codes) != 1 or len(tensors) != 1:
            continue
        code, shape = codes[0].meta["shape"], tensors[0].meta["shape"]
        if len(code or ()) != 3 or len(shape or ()) != 3 or shape != node.meta["shape"]:
            continue
        sequence = _sequence_axis(node, seen)
        if sequence is not None and code[sequence] == 1 != shape[sequence] and code[1 - sequence] != 1:
            place = seen.place(node.meta["point"].span, seen.owner(node))
            yield CodePerSample(**place, tensor=shape, code=code, axis=sequence)


def _sequence_axis(node: fx.Node, seen: Seen) -> int | None:
    """The axis, 0 or 1, that what follows takes for the sequence; None where that is not certain."""
    first, second, features = node.meta["shape"]
    if len({first, second, features}) < 3:
        return None
    behind = _same_shape_behind(node)
    for call in seen.trace.calls:
        if call.is_torchs and behind & set(call.inputs[:1]):
            for module in call.module.modules():
                if hasattr(module, "batch_first"):
                    return 1 if module.batch_first else 0
    for after in seen.trace.graph.nodes:
        if after.meta["order"] > node.meta["order"] and after.meta["activation"]:
            last = (after.meta["shape"] or ())[-2:]
            if last in ((first, first), (second, second)):
                return 0 if last == (first, first) else 1
    return None


def _same_shape_behind(node: fx.Node) -> set[fx.Node]:
    """A node and what is made of it without a change of shape."""
    found, waiting = set(), [node]
    while waiting:
        current = waiting.pop()
        if current not in found and current.meta["shape"] == node.meta["shape"]:
            found.add(current)
            waiting.extend(current.users)
    return found
