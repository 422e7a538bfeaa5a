"""Attention weights that are normalized along another axis than the one they are summed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .additions import behind_plain_calls
from .axes import Axes
from .meetings import is_product
from .node import Node


@dataclass(frozen=True, eq=False)
class WrongSoftmax:
    """A softmax over dimension `dim` of the scores, although `product` sums over their last dimension."""

    node: Node
    dim: int
    product: Node


def wrong_softmaxes(nodes: Sequence[Node], axes: Axes) -> Iterator[WrongSoftmax]:
    """The weights of a sequence for itself that do not add up to 1: `(q @ k.mT).softmax(1) @ v`.

    They are normalized over the queries, or over the heads. Scores between two different sequences are left out: slots
    and capsules compete for what they are summed over.
    """
    for product in nodes:
        weights = behind_plain_calls(product.operands[0]) if is_product(product) and product.operands else None
        if weights is None or weights.function != "softmax" or weights.point is None:
            continue
        dim, rank = weights.arguments.get("dim"), len(weights.known_shape)
        if not isinstance(dim, int) or rank < 3 or dim % rank == rank - 1 or product.spelling == "__rmatmul__":
            continue
        if _is_of_one_sequence(weights, axes):
            yield WrongSoftmax(weights, dim % rank, product)


def _is_of_one_sequence(scores: Node, axes: Axes) -> bool:
    """Whether both sides of a matrix of scores are the same axis."""
    *_, first, second = axes.of(scores)
    return len(first) == 1 and first == second
