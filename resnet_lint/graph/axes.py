"""Maps the axes of tensors to the axes of the inputs: the batch of x, its height, its dim 1.

Equal sizes may be a coincidence. So the model is traced again with the size of one input axis changed at a time; the
axes of tensors that change with it depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..shared.records.places import Shape
from .module_call import ModuleCall
from .node import Node


@dataclass(frozen=True, eq=False)
class InputAxis:
    """An axis of the inputs; axes that have to agree, and the sides of a square image, are one.

    `places` are pairs of an input and one of its dimensions; `size` is the traced size.
    """

    places: tuple[tuple[Node, int], ...]
    size: int

    @property
    def text(self) -> str:
        """Describe the axis: `the batch of x (dim 0)`."""
        node, dim = self.places[0]
        both = [other for place, other in self.places if place is node]
        if len(both) > 1 and self.is_square:
            return f"the height and width of {node.target}"
        names = {0: "the batch", 2: "the height", 3: "the width"} if len(node.known_shape) == 4 else {}
        return f"{names[dim]} of {node.target} (dim {dim})" if dim in names else f"dim {dim} of {node.target}"

    @property
    def is_square(self) -> bool:
        """Whether this is more than one dimension of an input: an image, or a matrix, that is square by design."""
        return len({node for node, _ in self.places}) < len(self.places)

    def is_beside(self, other: InputAxis) -> bool:
        """Whether some input has both axes."""
        return not {node for node, _ in self.places}.isdisjoint(node for node, _ in other.places)


Carried = frozenset[InputAxis]
"""The input axes on which the size of an axis depends; empty for the width of a layer, or a constant."""


@dataclass(frozen=True, eq=False)
class Refusal:
    """A call that fails at another size of an input axis; `node` is the same call in the original trace.

    `inputs` are the shapes of the operands at this size, `error` is torch's error message.
    """

    node: Node
    inputs: tuple[Shape, ...]
    error: str


@dataclass(frozen=True, eq=False)
class Altered:
    """A trace of the model with another `size` of `axis`, until it ends.

    `again` maps the nodes of the original trace to those of this one, if it makes the same call.
    """

    axis: InputAxis
    size: int
    again: Mapping[Node, Node]
    complete: bool
    refusal: Refusal | None = None

    @property
    def is_fixed_by_layer(self) -> bool:
        """Whether what fails is a layer that has weights for the size of the model's trace."""
        node = self.refusal.node if self.refusal is not None else None
        return (
            node is not None and node.kind != "addition" and any(operand.kind == "stored" for operand in node.operands)
        )

    def shape(self, node: Node) -> Shape | None:
        """The shape of a node at this size; None if this trace does not reach it."""
        again = self.again.get(node)
        return again.shape if again is not None else None


@dataclass(eq=False)
class Axes:
    """The axes of all tensors of a model, as far as known from traces at other sizes.

    `altered` are the traces per input axis: the first complete one, or all that were tried.
    """

    altered: tuple[Altered, ...]

    @cached_property
    def inputs(self) -> tuple[InputAxis, ...]:
        """The axes of the inputs, sorted by dimension."""
        return tuple(dict.fromkeys(altered.axis for altered in self.altered))

    @property
    def is_of_one_input(self) -> bool:
        """Whether the model has a single tensor as input: of several, any two axes may have to agree."""
        return len({node for axis in self.inputs for node, _ in axis.places}) == 1

    def of(self, node: Node) -> tuple[Carried, ...]:
        """The input axes on which each axis of a tensor depends; empty if the node is not a tensor.

        Traces that ended before this node are ignored; see `is_known`.
        """
        if node.shape is None:
            return ()
        return tuple(frozenset(self._carried(node, dim, size)) for dim, size in enumerate(node.shape))

    def _carried(self, node: Node, dim: int, size: int) -> Iterator[InputAxis]:
        for altered in self.altered:
            shape = altered.shape(node)
            if shape is not None and len(shape) == len(node.known_shape) and shape[dim] != size:
                yield altered.axis

    def is_known(self, node: Node, axis: InputAxis) -> bool:
        """Whether a trace with another size of this axis reaches a node."""
        return any(node in altered.again for altered in self.altered if altered.axis is axis)

    def is_free(self, axis: InputAxis) -> bool:
        """Whether the forward pass completes at another size of this axis."""
        return any(altered.complete for altered in self.altered if altered.axis is axis)

    def is_fixed_by_layer(self, axis: InputAxis) -> bool:
        """Whether a layer has weights for the size of this axis: it has features or channels."""
        return any(altered.is_fixed_by_layer for altered in self.altered if altered.axis is axis)

    def dims_of(self, axis: InputAxis, node: Node) -> tuple[int, ...]:
        """The dimensions of a tensor that depend on an axis."""
        return tuple(dim for dim, carried in enumerate(self.of(node)) if axis in carried)


def batch_of(axes: Axes, calls: Sequence[ModuleCall], nodes: Sequence[Node]) -> InputAxis | None:
    """The batch axis according to the layers: the first axis of a convolution's input, the second of a sequence.

    Without such a layer, it is the first axis that all inputs have in common; None if there is none.
    """
    said = batch_by_layers(axes, calls, nodes)
    if said is not None:
        return said
    tensors = {node for node in nodes if node.kind == "input" and node.shape}
    return next((axis for axis in axes.inputs if {node for node, dim in axis.places if dim == 0} == tensors), None)


def batch_by_layers(axes: Axes, calls: Sequence[ModuleCall], nodes: Sequence[Node]) -> InputAxis | None:
    """The axis of the samples, where a layer tells it, or scores of a sequence with itself."""
    return next(_said_by_layers(axes, calls, nodes), None)


def _said_by_layers(axes: Axes, calls: Sequence[ModuleCall], nodes: Sequence[Node]) -> Iterator[InputAxis]:
    for node in nodes:
        if node.kind in ("convolution", "transposed") and len(node.inputs[0]) == len(node.inputs[1]):
            yield from _only(axes.of(node)[0])
    for call in calls:
        first = getattr(call.module, "batch_first", None)
        if call.is_torchs and first is not None and call.inputs and len(call.inputs[0].shape or ()) == 3:
            yield from _only(axes.of(call.inputs[0])[0 if first else 1])
    for node in nodes:
        if node.function == "softmax" and len(node.shape or ()) > 2:
            yield from _beside_scores(axes.of(node), axes)


def _beside_scores(scores: Sequence[Carried], axes: Axes) -> Iterator[InputAxis]:
    """The batch, of an input whose other one of the first two axes is both sides of a matrix of scores."""
    if scores[-1] != scores[-2] or len(scores[-1]) != 1:
        return
    [sequence] = scores[-1]
    for node, dim in sequence.places[:1] if not sequence.is_square else ():
        yield from (axis for axis in axes.inputs if dim < 2 and (node, 1 - dim) in axis.places)


def _only(carried: Carried) -> Iterator[InputAxis]:
    if len(carried) == 1:
        yield from carried
