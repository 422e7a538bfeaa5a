"""Finds the two axes that have to agree in a failing call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..shared.records.places import Shape
from .axes import Refusal
from .node import Node

Place = tuple[int, int]
"""An operand of a call, and one of its dimensions."""


@dataclass(frozen=True, eq=False)
class Meeting:
    """Two axes that must have the same size in a call, after the size of one has changed."""

    node: Node
    changed: Place
    kept: Place

    @property
    def changed_operand(self) -> Node:
        return self.node.operands[self.changed[0]]

    @property
    def kept_operand(self) -> Node:
        return self.node.operands[self.kept[0]]


def meeting_at(refusal: Refusal) -> Meeting | None:
    """The first two axes that disagree in a failing call; None if it fails for another reason."""
    node, now = refusal.node, refusal.inputs
    if len(node.operands) != len(node.inputs) or [len(shape) for shape in now] != [len(shape) for shape in node.inputs]:
        return None
    for one, other in _pairs(node, now):
        if now[one[0]][one[1]] != now[other[0]][other[1]]:
            changed = [place for place in (one, other) if now[place[0]][place[1]] != node.inputs[place[0]][place[1]]]
            if len(changed) == 1:
                return Meeting(node, changed[0], other if changed[0] == one else one)
    return None


def _pairs(node: Node, shapes: Sequence[Shape]) -> Iterator[tuple[Place, Place]]:
    """The pairs of axes that have to agree in a call."""
    if len(shapes) < 2:
        return
    if node.kind == "concatenation" or node.function == "stack":
        yield from _side_by_side(node, shapes)
    elif node.kind in ("convolution", "transposed") or node.kind == "channel norm":
        yield (0, min(1, len(shapes[0]) - 1)), (1, 0 if node.kind != "convolution" else 1)
    elif node.kind == "linear":
        yield (0, len(shapes[0]) - 1), (1, len(shapes[1]) - 1)
    elif is_product(node):
        yield from _product(shapes)
    elif node.function in _UNLIKE:
        return
    elif is_attention(node):
        yield from _attention(shapes)
    else:
        yield from _broadcast(shapes)


def is_product(node: Node) -> bool:
    """Whether a call is a matrix product."""
    return node.function in _PRODUCTS


def is_attention(node: Node) -> bool:
    """Whether a call is torch's attention of queries, keys and values."""
    return node.function == "scaled_dot_product_attention"


_PRODUCTS = frozenset({"matmul", "rmatmul", "imatmul", "bmm", "mm", "mv"})
# Layers with weights, whose mismatches are about the width of the layer, and what pairs a batch with its lengths.
_UNLIKE = frozenset(
    {
        *("embedding", "multi_head_attention_forward", "lstm", "gru", "rnn_tanh", "rnn_relu", "einsum"),
        "pack_padded_sequence",
    }
)


def _side_by_side(node: Node, shapes: Sequence[Shape]) -> Iterator[tuple[Place, Place]]:
    rank = len(shapes[0])
    along = node.arguments.get("dim", 0) % rank if node.kind == "concatenation" and rank else None
    for index, shape in enumerate(shapes[1:], 1):
        for dim in range(min(rank, len(shape))):
            if dim != along:
                yield (0, dim), (index, dim)


def _product(shapes: Sequence[Shape]) -> Iterator[tuple[Place, Place]]:
    left, right = shapes[0], shapes[1]
    if not left or not right:
        return
    yield (0, len(left) - 1), (1, max(len(right) - 2, 0))
    yield from _broadcast([left[:-2], right[:-2]])


def _attention(shapes: Sequence[Shape]) -> Iterator[tuple[Place, Place]]:
    if len(shapes) > 2 and all(len(shape) > 2 for shape in shapes[:3]):
        yield (0, len(shapes[0]) - 1), (1, len(shapes[1]) - 1)
        yield (1, len(shapes[1]) - 2), (2, len(shapes[2]) - 2)
        yield from _broadcast([shapes[0][:-2], shapes[1][:-2]])


def _broadcast(shapes: Sequence[Shape]) -> Iterator[tuple[Place, Place]]:
    """The axes aligned from the right, without those of size 1."""
    for index, shape in enumerate(shapes[1:], 1):
        for back in range(1, min(len(shapes[0]), len(shape)) + 1):
            one, other = (0, len(shapes[0]) - back), (index, len(shape) - back)
            if shapes[0][one[1]] != 1 != shape[other[1]]:
                yield one, other
