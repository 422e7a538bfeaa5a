"""Hints for a layer whose input has the expected size, but on another axis, such as channels last."""

from __future__ import annotations

import math

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import path_between
from resnet_lint.shared.records.places import Shape


def axes_hint(fault: Fault, parameter: str) -> str | None:
    """How to bring the expected size to the right axis; None if it is on no other. `parameter` names the layer's."""
    assert fault.layer is not None
    shape, wanted = fault.node.inputs[0], fault.layer.wanted
    hints = (
        _channels_last(fault.node, shape, wanted, parameter),
        _not_last(shape, wanted, parameter),
        _transposed(fault.node, shape, wanted, parameter),
        _dropped(fault.node, shape, wanted, parameter),
    )
    return next((hint for hint in hints if hint is not None), None)


def _channels_last(node: Node, shape: Shape, wanted: int, parameter: str) -> str | None:
    """An image of the shape (2, 224, 256, 3) for a convolution that expects 3 channels."""
    is_input = any(operand.kind == "input" for operand in node.operands)
    if parameter == "in_channels" and is_input and len(shape) == 4 and shape[-1] == wanted != shape[-2]:
        return "the channels of the input are last, but torch expects them first: x.permute(0, 3, 1, 2)"
    return None


def _not_last(shape: Shape, wanted: int, parameter: str) -> str | None:
    """An input of the shape (2, 64, 20, 24) for nn.LayerNorm(64), or (2, 64, 49) for that or nn.Linear(64, 10)."""
    if len(shape) == 3 and shape[1] == wanted and parameter in ("in_features", "normalized_shape"):
        return f"the {wanted} features are in dimension 1, not in the last: x.transpose(1, 2)"
    if len(shape) == 4 and shape[1] == wanted and parameter == "normalized_shape":
        return f"the {wanted} channels are in dimension 1, not in the last: x.permute(0, 2, 3, 1)"
    return None


def _transposed(node: Node, shape: Shape, wanted: int, parameter: str) -> str | None:
    """Data of the shape (10, 32) for nn.Linear(10, 16): the table is transposed, or 10 is the batch size by chance."""
    if len(shape) != 2 or shape[0] != wanted or parameter != "in_features":
        return None
    if any(step.learned for source in node.activations for step in path_between(None, source)):
        return None
    return f"pass it (batch, {wanted}), with x.T if the features are in dimension 0, or set in_features={shape[1]}"


def _dropped(node: Node, shape: Shape, wanted: int, parameter: str) -> str | None:
    """A mean over the channels of (2, 32, 100), or its last channel, for nn.Linear(32, 10)."""
    for step in reversed([step for source in node.activations for step in path_between(None, source)[-4:]]):
        if step.learned or parameter != "in_features":
            return None
        before, kept = step.inputs[0] if step.inputs else (), step.shape or ()
        if wanted in before[1:] and wanted not in kept and math.prod(kept) < math.prod(before):
            line = step.known_point.span.start.line
            return f"line {line} keeps no axis of {before} with the {wanted} features: reduce or index another one"
    return None
