"""Finds softmaxes and standard deviations of a single value, whose result does not depend on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from .additions import behind_plain_calls
from .axes import Axes
from .node import Node
from .syntax import call_at

Outcome = Literal["1", "0", "NaN"]


@dataclass(frozen=True, eq=False)
class SingleValue:
    """A call along dimension `dim`, which has size 1 because of `maker`: a layer, a reduction, or a view.

    `outcome` is the result for any value.
    """

    node: Node
    dim: int
    maker: Node
    outcome: Outcome


def single_values(nodes: Sequence[Node], axes: Axes) -> Iterator[SingleValue]:
    """The calls over the only output of a layer, what a pooling or `keepdim` leaves of an axis, or a new axis.

    Axes that depend on an input, such as a sequence of one token, and numbers of heads may have size 1 by chance.
    """
    for node in nodes:
        dim, outcome = node.arguments.get("dim"), _OUTCOMES.get(node.function)
        if outcome is None or node.point is None or not isinstance(dim, int) or not node.activations:
            continue
        operand = node.activations[0]
        shape = operand.shape or ()
        if len(shape) < 2 or shape[dim] != 1 or axes.of(operand)[dim] or not _is_unbiased(node):
            continue
        maker = _maker_of_single(operand, dim % len(shape))
        if maker is not None:
            yield SingleValue(node, dim % len(shape), maker, outcome)


def _is_unbiased(node: Node) -> bool:
    """Whether a standard deviation divides by n - 1; true of all other calls."""
    return node.arguments.get("unbiased", True) is not False and node.arguments.get("correction", 1) in (1, None)


def _maker_of_single(node: Node, dim: int) -> Node | None:
    """The layer with a single output, the reduction, or the view that gives a dimension size 1; None if unknown."""
    above: tuple[Node, int] | None = (node, dim)
    while above is not None:
        current, dim = behind_plain_calls(above[0]), above[1]
        if current.shape is None:
            return None
        rank = len(current.known_shape)
        if current.learned and current.features_axis is not None and current.features_axis % rank == dim:
            return current
        if _adds_axis(current, dim):
            return current
        above = _above(current, dim)
        if above is not None and _reduces(current, dim, above[0].known_shape[above[1]]):
            return current
    return None


def _reduces(node: Node, dim: int, before: int) -> bool:
    """Whether a call reduces a dimension, and keeps it with size 1."""
    if node.function not in _REDUCTIONS:
        return False
    dims = node.arguments.get("dim")
    dims = [dims] if isinstance(dims, int) else dims
    named = isinstance(dims, (list, tuple)) and any(at % len(node.known_shape) == dim for at in dims)
    return before > 1 or named


def _adds_axis(node: Node, dim: int) -> bool:
    """Whether a call adds a dimension of size 1 in its words: `x.unsqueeze(2)`, `x.view(n, c, 1, 1)`."""
    if node.function == "unsqueeze":
        return bool(node.arguments.get("dim") in (dim, dim - len(node.known_shape)))
    call = call_at(node.point) if node.function in ("view", "reshape") and node.point is not None else None
    sizes = call.args if call is not None else []
    if len(sizes) == 1 and isinstance(sizes[0], (ast.Tuple, ast.List)):
        sizes = sizes[0].elts
    written = sizes[dim] if len(sizes) == len(node.known_shape) else None
    return isinstance(written, ast.Constant) and written.value == 1


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


_OUTCOMES: dict[str, Outcome] = {
    "softmax": "1",
    "log_softmax": "0",
    "argmax": "0",
    "std": "NaN",
    "var": "NaN",
}
_REDUCTIONS = frozenset({"mean", "sum", "amax", "amin", "adaptive_avg_pool2d", "adaptive_max_pool2d"})
