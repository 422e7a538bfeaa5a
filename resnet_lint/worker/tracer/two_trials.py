"""Decides whether a call that fails in two trials, with two values of an unknown number, fails for any value.

It does if torch's error messages name the same sizes, or if the sizes that have to agree have the same ratio: 32 and
16, or a width and its double.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from resnet_lint.graph.fault import Fault, Kind
from resnet_lint.shared.evidence import Failure
from resnet_lint.shared.records.places import Shape

Pairs = Iterator[tuple[int, int]]


def fails_for_any(fault: Fault, again: Fault) -> bool:
    """Whether the faults of two trials are the same, independently of the number."""
    if (fault.point.span, fault.node.function, fault.kind) != (again.point.span, again.node.function, again.kind):
        return False
    if _numbers_in(fault.error) == _numbers_in(again.error):
        return True
    pairs = _PAIRS.get(fault.kind, _none)
    return any(_differ_alike(*one, *other) for one, other in zip(pairs(fault), pairs(again), strict=False))


def refused_for_any(failure: Failure, again: Failure) -> bool:
    """The same for two failures of a call in the script itself, such as a loss."""
    if (failure.span, failure.module) != (again.span, again.module):
        return False
    if _numbers_in(failure.error) == _numbers_in(again.error):
        return True
    return failure.module in _OF_EQUAL_SHAPES and _are_never_equal(_shapes_of(failure), _shapes_of(again))


_OF_EQUAL_SHAPES = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits"})


def _shapes_of(failure: Failure) -> tuple[Shape, ...]:
    return tuple(operand.shape for operand in failure.operands[:2])


def _are_never_equal(shapes: tuple[Shape, ...], again: tuple[Shape, ...]) -> bool:
    """Whether a prediction and its target differ in rank, or on an axis by the same factor: (N, 1) and (N)."""
    (one, other), (one_again, other_again) = shapes, again
    if len(one) != len(other):
        return len(one_again) != len(other_again)
    return any(_differ_alike(*sizes) for sizes in zip(one, other, one_again, other_again, strict=False))


def _differ_alike(size: int, other: int, again: int, other_again: int) -> bool:
    return size != other and again != other_again and size * other_again == other * again


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
