"""The order of dimensions after a call that only permutes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .node import Node
from .syntax import call_at

PERMUTATIONS = frozenset({"transpose", "swapaxes", "permute"})
_OTHERS = frozenset({"swapdims", "movedim", "moveaxis", "t", "T", "mT", "H", "mH", "adjoint", "rot90"})


@dataclass(frozen=True, eq=False)
class Reorder:
    """A permutation, and the order that it should have."""

    node: Node
    order: tuple[int, ...]

    @property
    def advice(self) -> str:
        return f"put them in this order: {', '.join(map(str, self.order))}"


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


def keeps_order(node: Node) -> bool:
    """Whether a permutation is written with numbers, and keeps all dimensions where they are: `x.permute(0, 1, 2)`."""
    order = order_of(node)
    if order is None or list(order) != sorted(order) or len(order) < 3 or node.point is None:
        return False
    call = call_at(node.point)
    return call is not None and all(_is_number(part) for part in _dims_in(call))


def _dims_in(call: ast.Call) -> Iterator[ast.expr]:
    for part in call.args:
        yield from part.elts if isinstance(part, (ast.Tuple, ast.List)) else (part,)


def _is_number(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) or (isinstance(part, ast.UnaryOp) and isinstance(part.operand, ast.Constant))
