"""Faults: calls in a forward pass that fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .module_call import ModuleCall
from .node import Node
from .source_places import Point

Kind = Literal["addition", "concatenation", "layer", "shrunk", "other"]


@dataclass(frozen=True)
class Layer:
    """The number of input channels or features of a layer, their dimension, and the rank of the input if fixed."""

    wanted: int
    dimension: int
    rank: int | None = None


@dataclass(frozen=True, eq=False)
class Fault:
    """A failing call: its node, torch's error message on the CPU, and the location of the expression to blame."""

    kind: Kind
    node: Node
    error: str
    point: Point
    call: ModuleCall
    layer: Layer | None

    @property
    def got(self) -> int | None:
        """How many channels or features a failing layer got; None without a layer, or if its input lacks the axis."""
        if self.layer is None:
            return None
        shape, dim = self.node.inputs[0], self.layer.dimension
        return shape[dim] if -len(shape) <= dim < len(shape) else None
