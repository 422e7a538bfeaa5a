"""The order of dimensions after a call that only permutes them."""

from __future__ import annotations

from .node import Node

PERMUTATIONS = frozenset({"transpose", "swapaxes", "permute"})
_OTHERS = frozenset({"swapdims", "movedim", "moveaxis", "t", "T", "mT", "H", "mH", "adjoint", "rot90"})


def order_of(node: Node) -> tuple[int, ...] | None:
    """The dimensions of its operand in the order of the result, as `permute` takes them; None if they are unknown."""
    rank = len(node.shape or ())
    if node.function == "permute":
        dims = node.arguments.get("dims", ())
        known = len(dims) == rank and all(isinstance(dim, int) for dim in dims)
        return tuple(dim % rank for dim in dims) if known else None
    first, second = node.arguments.get("dim0"), node.arguments.get("dim1")
    if node.function not in PERMUTATIONS or not rank or not isinstance(first, int) or not isinstance(second, int):
        return None
    order = list(range(rank))
    order[first], order[second] = order[second], order[first]
    return tuple(order)


def permutes(node: Node) -> bool:
    """Whether a call moves axes, so that an equal shape of its result has other axes."""
    return node.function in PERMUTATIONS or node.function in _OTHERS
