"""Faults: calls in a forward pass that fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Point

from .torch_functions import ADDITIONS, CONCATENATIONS, Layer, has_wrong_size, layer_of

Kind = Literal["addition", "concatenation", "layer", "shrunk", "other"]


_TOO_SMALL = ("too small", "can't be greater than actual input", "Kernel size", "Padding size should be less")


@dataclass(frozen=True, eq=False)
class Fault:
    """A failing call: its node, torch's error message on the CPU, and the location of the expression to blame."""

    kind: Kind
    node: Node
    error: str
    point: Point
    call: ModuleCall
    layer: Layer | None


def kind_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: str) -> Kind:
    """Classify a failed call by its function and error message."""
    if func in ADDITIONS:
        return "addition"
    if func in CONCATENATIONS:
        return "concatenation"
    layer = layer_of(func, args, kwargs)
    if (
        layer is not None
        and isinstance(args[0] if args else None, torch.Tensor)
        and has_wrong_size(layer, args[0].shape)
    ):
        return "layer"
    return "shrunk" if any(phrase in error for phrase in _TOO_SMALL) else "other"
