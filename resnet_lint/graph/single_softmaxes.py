"""Finds softmaxes of a single value, whose result is always 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .additions import behind_plain_calls
from .axes import Axes
from .node import Node


@dataclass(frozen=True, eq=False)
class SingleSoftmax:
    """A softmax along dimension `dim` of size 1, and the layer or reduction that gives it this size."""

    node: Node
    dim: int
    maker: Node


def single_softmaxes(nodes: Sequence[Node], axes: Axes) -> Iterator[SingleSoftmax]:
    """The softmaxes over the only output of a layer, or over what a pooling or `keepdim` leaves of an axis.

    Axes that depend on an input, such as a sequence of one token, and numbers of heads may have size 1 by chance.
    """
    for node in nodes:
        dim, shape = node.arguments.get("dim"), node.shape or ()
        if node.function not in ("softmax", "log_softmax") or node.point is None or not isinstance(dim, int):
            continue
        if len(shape) < 2 or shape[dim] != 1 or axes.of(node)[dim]:
            continue
        maker = _maker_of_single(node, dim % len(shape))
        if maker is not None:
            yield SingleSoftmax(node, dim % len(shape), maker)


def _maker_of_single(node: Node, dim: int) -> Node | None:
    """The layer with a single output, or the reduction of an axis to size 1, in front of a call; else None."""
    above = _above(node, dim)
    while above is not None:
        current, dim = behind_plain_calls(above[0]), above[1]
        rank = len(current.known_shape)
        if current.learned and current.features_axis is not None and current.features_axis % rank == dim:
            return current
        above = _above(current, dim)
        if above is not None and above[0].known_shape[above[1]] > 1:
            return current if current.function in _REDUCTIONS else None
    return None


def _above(node: Node, dim: int) -> tuple[Node, int] | None:
    """The first operand of a call that keeps the other axes, and a dimension of its result there; else None."""
    if not node.activations:
        return None
    operand, shape = node.activations[0], node.known_shape
    along = node.arguments.get("dim", 0)
    if node.function == "stack" and isinstance(along, int) and along % len(shape) != dim:
        return operand, dim - (dim > along % len(shape))
    same_rank = len(operand.shape or ()) == len(shape)
    keeps = len(node.activations) == 1 and (node.learned or node.function in _REDUCTIONS or operand.shape == shape)
    return (operand, dim) if same_rank and keeps else None


_REDUCTIONS = frozenset({"mean", "sum", "amax", "amin", "adaptive_avg_pool2d", "adaptive_max_pool2d"})
