"""Decides whether a call that fails in two trials, with two values of an unknown number, fails for any value.

It does if torch's error messages name the same sizes, or if the sizes that have to agree have the same ratio: 32 and
16, or a width and its double.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from resnet_lint.graph.fault import Fault, Kind

Pairs = Iterator[tuple[int, int]]


def fails_for_any(fault: Fault, again: Fault) -> bool:
    """Whether the faults of two trials are the same, independently of the number."""
    if (fault.point.span, fault.node.function, fault.kind) != (again.point.span, again.node.function, again.kind):
        return False
    if _numbers_in(fault.error) == _numbers_in(again.error):
        return True
    pairs = _PAIRS.get(fault.kind, _none)
    return any(a != b and c != d and a * d == b * c for (a, b), (c, d) in zip(pairs(fault), pairs(again), strict=False))


def _numbers_in(error: str) -> list[str]:
    return re.findall(r"\d+", error)


def _broadcast(fault: Fault) -> Pairs:
    """The pairs of sizes of two operands, from the last axis on, except for those that broadcast."""
    for shape, other in pairwise(fault.node.inputs[:2]):
        for size, its in zip(reversed(shape), reversed(other), strict=False):
            yield (size, its) if 1 not in (size, its) else (1, 1)


def _of_layer(fault: Fault) -> Pairs:
    if fault.layer is not None and fault.node.inputs and len(fault.node.inputs[0]) > fault.layer.dimension:
        yield fault.layer.wanted, fault.node.inputs[0][fault.layer.dimension]


def _beside(fault: Fault) -> Pairs:
    """The pairs of sizes of two concatenated tensors, except for the concatenated dimension."""
    axis = fault.node.arguments.get("dim", 0)
    for shape, other in pairwise(fault.node.inputs):
        for index, sizes in enumerate(zip(shape, other, strict=False)):
            yield sizes if index != axis % len(shape) else (1, 1)


def _other(fault: Fault) -> Pairs:
    yield from _contracted(fault)
    yield from _rows(fault)


def _rows(fault: Fault) -> Pairs:
    """The sizes of the target and source of `index_add`, except for those of the dimension that is indexed."""
    if fault.node.function == "index_add" and len(fault.node.inputs) == 3:
        target, _, source = fault.node.inputs
        axis = fault.node.arguments.get("dim", 0)
        for index, sizes in enumerate(zip(target, source, strict=False)):
            yield sizes if index != axis % len(target) else (1, 1)


def _contracted(fault: Fault) -> Pairs:
    """The sizes that a matrix product sums over, from (N, K) @ (L, M)."""
    if fault.node.function in ("matmul", "mm", "bmm") and all(len(shape) > 1 for shape in fault.node.inputs[:2]):
        one, other = fault.node.inputs[:2]
        yield one[-1], other[-2]


def _none(fault: Fault) -> Pairs:
    yield from ()


_PAIRS: Mapping[Kind, Callable[[Fault], Pairs]] = {
    "addition": _broadcast,
    "layer": _of_layer,
    "concatenation": _beside,
    "other": _other,
}
