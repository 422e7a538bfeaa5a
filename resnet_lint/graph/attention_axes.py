"""Attention weights that are normalized over another axis than they are summed over, and attention over the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .additions import behind_plain_calls
from .axes import Axes
from .meetings import is_product
from .model import Model
from .module_call import ModuleCall
from .node import Node
from .permutations import order_of
from .residuals import fork_of
from .stated_batch import stated_batch


@dataclass(frozen=True, eq=False)
class WrongSoftmax:
    """A softmax over dimension `dim` of the scores, although `product` sums over their dimension `summed`."""

    node: Node
    dim: int
    product: Node
    summed: int

    @property
    def is_over_last(self) -> bool:
        return self.summed == len(self.node.known_shape) - 1

    @property
    def text(self) -> str:
        """Where the softmax is, and where the sum."""
        summed = "the last axis" if self.is_over_last else f"axis {self.summed}"
        return (
            f"softmax normalizes axis {self.dim} of {self.node.shape}, but line "
            f"{self.product.known_point.span.start.line} sums over {summed}: the weights of a query don't add up to 1"
        )


def wrong_softmaxes(nodes: Sequence[Node], axes: Axes) -> Iterator[WrongSoftmax]:
    """The weights of a sequence for itself that do not add up to 1: `(q @ k.mT).softmax(1) @ v`.

    They are normalized over the queries, or over the heads. Scores between two different sequences are left out: slots
    and capsules compete for what they are summed over.
    """
    for product in nodes:
        for operand, dim in _summed(product):
            weights, summed = _before_permutations(operand, dim)
            if weights.function != "softmax" or weights.point is None:
                continue
            normalized, rank = weights.arguments.get("dim"), len(weights.known_shape)
            if not isinstance(normalized, int) or rank < 3 or normalized % rank == summed:
                continue
            if _is_side_of_scores(weights, summed, axes) and _is_of_one_sequence(weights):
                yield WrongSoftmax(weights, normalized % rank, product, summed)


def _summed(node: Node) -> Iterator[tuple[Node, int]]:
    """The activations in a matrix product or Einstein sum, with the dimension that it sums over."""
    if node.function == "einsum":
        yield from _summed_by_letters(node)
    elif is_product(node) and len(node.operands) == 2 and node.spelling != "__rmatmul__":
        left, right = node.operands
        if min(len(left.shape or ()), len(right.shape or ())) > 1:
            yield left, len(left.known_shape) - 1
            yield right, len(right.known_shape) - 2


def _summed_by_letters(node: Node) -> Iterator[tuple[Node, int]]:
    """Those of an Einstein sum of two operands and one common letter that is summed: `bhij,bhjd->bhid`."""
    given, _, made = str(node.arguments.get("equation", "")).replace(" ", "").partition("->")
    terms = given.split(",")
    if not made or len(terms) != 2 or len(node.operands) != 2:
        return
    letters = (set(terms[0]) & set(terms[1])) - set(made) - {"."}
    if len(letters) == 1:
        [letter] = letters
        for term, operand in zip(terms, node.operands, strict=True):
            behind = term.rpartition(".")[2]  # letters behind an ellipsis are counted from the end
            if operand.shape is not None:
                at = len(operand.shape) - len(behind) + behind.index(letter) if letter in behind else term.index(letter)
                yield operand, at


def _before_permutations(node: Node, dim: int) -> tuple[Node, int]:
    """The nearest call at or before a node that changes values, and the place of a dimension in its result."""
    while True:
        node = behind_plain_calls(node)
        order = order_of(node) if len(node.sources) == 1 else None
        if order is None:
            return node, dim
        node, dim = node.sources[0], order[dim]


def _is_side_of_scores(scores: Node, dim: int, axes: Axes) -> bool:
    """Whether a dimension is one of exactly two that depend on the same axes: the sides of a matrix of scores."""
    carried = axes.of(scores)
    return bool(carried[dim]) and carried.count(carried[dim]) == 2


def _is_of_one_sequence(weights: Node) -> bool:
    """Whether queries and keys are computed from one tensor inside the module that multiplies them."""
    scores = weights
    while len(scores.activations) == 1 and scores.shape == weights.shape:
        scores = scores.activations[0]
    if len(scores.activations) != 2 or scores.call is None:
        return len(scores.activations) == 1 and is_product(scores)  # the products of a tensor with itself
    fork = fork_of(*scores.activations)
    own = fork is not None and fork.call is not None and scores.call in fork.call.with_callers()
    return own or fork in scores.call.inputs


def attention_over_batch(model: Model) -> Iterator[ModuleCall]:
    """Attention layers that expect (sequence, batch, features) but get the batch first, so that they mix samples.

    With batch_first=True it is the other way round, unless the same forward attends within the samples too: then it
    attends along both axes of a table on purpose.
    """
    own = {(call.path, call.caller): call for call in model.calls if call.is_torchs and call.inputs}
    found: list[ModuleCall] = []
    for node in _attentions_over_batch(model):
        around = [call for call in node.known_call.with_callers() if call.caller == node.point]
        found += [own[call.path, call.caller] for call in around[-1:] if (call.path, call.caller) in own]
    for call in dict.fromkeys(found):
        alike = [other for other in own.values() if _is_beside(other, call)]
        if not getattr(call.module, "batch_first", False) or all(other in found for other in alike):
            yield call


def _attentions_over_batch(model: Model) -> Iterator[Node]:
    """The calls of torch's attention, whose queries have the sequence first, that get the samples there."""
    for crossing in model.samples.crossings if model.samples is not None else ():
        if crossing.node.function == "multi_head_attention_forward" and crossing.axis == 0:
            yield crossing.node
    attentions = [node for node in model.nodes if node.function == "multi_head_attention_forward"]
    batch = stated_batch(model) if attentions else None
    for node in attentions:
        queries = model.axes.of(node.operands[0])[:2] if model.axes is not None and batch is not None else ()
        if len(queries) == 2 and queries[0] == {batch} and batch not in queries[1]:
            yield node


def _is_beside(other: ModuleCall, call: ModuleCall) -> bool:
    """Whether another layer of the same class is called by the same function."""
    callers = call.caller, other.caller
    return type(other.module) is type(call.module) and len({point.code for point in callers if point is not None}) == 1
