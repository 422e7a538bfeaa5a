"""Additions of activations: operands, location, and enclosing block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .module_call import ModuleCall
from .node import Node

if TYPE_CHECKING:
    from .where import Where


@dataclass(frozen=True, eq=False)
class Addition:
    """An addition of two activations in the user's code; `block` is the enclosing call of a user's module."""

    node: Node
    left: Node
    right: Node
    block: ModuleCall
    where: Where

    @property
    def operands(self) -> tuple[Node, Node]:
        return self.left, self.right

    @property
    def both_ways(self) -> tuple[tuple[Node, Node], tuple[Node, Node]]:
        """The operands in both orders."""
        return (self.left, self.right), (self.right, self.left)


def operands_of(node: Node) -> tuple[Node, Node] | None:
    """The two activations that a node combines; None for other nodes."""
    operands = [operand for operand in node.operands[:2] if operand.activation]
    return (operands[0], operands[1]) if len(operands) == 2 else None


def behind_plain_calls(node: Node) -> Node:
    """The nearest call at or before a node that is not an activation function or dropout."""
    while len(node.sources) == 1 and node.function in _PLAIN:
        node = node.sources[0]
    return node


_PLAIN = frozenset(
    {"relu", "relu6", "leaky_relu", "gelu", "silu", "elu", "mish", "hardswish", "hardtanh"}
    | {"dropout", "dropout1d", "dropout2d", "dropout3d", "contiguous", "clone", "to", "float"}
)
