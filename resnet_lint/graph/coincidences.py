"""Finds calls that only work because two axes happen to have the same size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from ..shared.records.fix_plans import RearrangeOperand
from ..shared.records.places import Shape
from .additions import behind_plain_calls
from .axes import Axes, Carried, InputAxis
from .meetings import Meeting, is_attention, is_product, meeting_at
from .model import Model, name_of
from .node import Node
from .permutations import order_of

# Tensors of more dimensions are not rearranged.
_MOST_DIMS = 6


@dataclass(frozen=True, eq=False)
class Moved:
    """A permutation that moves the first axis to `dim`."""

    node: Node
    dim: int


@dataclass(frozen=True, eq=False)
class Coincidence:
    """A call that fails if `axis` has another size, and the two axes that have to agree in it.

    `failing` is the smallest tried size at which it fails, `error` torch's error message. `arrangement` is the operand
    whose axes are misplaced, with the correct ones: `(1, (0, 2))` for a second operand (N, C) and a first one
    (N, T, C); None if unknown. `moved_by` is the permutation before it that moved the batch of one operand.
    """

    meeting: Meeting
    axis: InputAxis
    kept: Carried
    failing: int
    error: str
    arrangement: tuple[int, tuple[int, ...]] | None = None
    moved_by: Moved | None = None

    @property
    def node(self) -> Node:
        return self.meeting.node

    @property
    def is_in_product(self) -> bool:
        """Whether the call is a matrix product, for which no size of an input is chosen on purpose."""
        return is_product(self.node)

    @property
    def may_be_permuted(self) -> bool:
        """Whether no arrangement of one operand is known, and it is not about the two axes of a matrix."""
        is_in_matrix = self.is_in_product and self.meeting.changed[1] + 2 >= len(
            self.meeting.changed_operand.known_shape
        )
        return self.arrangement is None and self.moved_by is None and not is_in_matrix

    @property
    def met(self) -> tuple[int, int]:
        """The sizes of the two axes in the original trace: equal, or one of them 1."""
        places = self.meeting.changed, self.meeting.kept
        first, second = (self.node.inputs[operand][dim] for operand, dim in places)
        return first, second

    @property
    def moved(self) -> int | None:
        """The operand to rearrange, as written in the source: 0 for the left one."""
        if self.arrangement is None:
            return None
        operand = self.arrangement[0]
        return 1 - operand if self.node.spelling.startswith("__r") else operand

    @property
    def suffix(self) -> str | None:
        """The source to append to this operand: `[:, None]` or `.transpose(1, 2)`."""
        if self.arrangement is None:
            return None
        operand, places = self.arrangement
        rank = len(self.node.inputs[1 - operand])
        return _inserted(places, rank) if list(places) == sorted(places) else _permuted(places, rank)


def coincidences_in(model: Model) -> Iterator[Coincidence]:
    """The calls of a model that combine two different axes.

    An axis whose size is fixed by a layer, a table or another input is part of the model's contract, so it is not
    reported, unless one input has both axes.
    """
    axes = model.axes
    for axis in axes.inputs if axes is not None else ():
        found = _of_axis(axis, axes) if axes is not None and not axes.is_free(axis) else None
        if found is not None:
            yield found


def _of_axis(axis: InputAxis, axes: Axes) -> Coincidence | None:
    runs = [run for run in axes.altered if run.axis is axis]
    refusals = [run.refusal for run in runs if run.refusal is not None]
    if len(refusals) < len(runs) or len({refusal.node for refusal in refusals}) != 1:
        return None
    meeting = meeting_at(refusals[0])
    if meeting is None or not meeting.kept_operand.activation or not meeting.changed_operand.activation:
        return None
    kept = axes.of(meeting.kept_operand)[meeting.kept[1]]
    if not kept and behind_plain_calls(meeting.kept_operand).function == "softmax":
        return None  # attention weights over a fixed number of tokens
    if _is_masked_weight(meeting.kept_operand):
        return None
    fits = _arrangement(meeting, axes, refusals[0].inputs)
    are_of_one = axes.is_of_one_input and bool(kept) and all(axis.is_beside(other) for other in kept)
    if fits is None and not are_of_one and not _fits_transposed(meeting, axes, refusals[0].inputs):
        return None
    size, error = min((run.size, run.refusal.error) for run in runs if run.refusal is not None)
    moved_by = _moved_from_front(meeting, axis, axes) if fits is None else None
    return Coincidence(meeting, axis, kept, size, " ".join(error.split()), fits, moved_by)


def _is_masked_weight(node: Node) -> bool:
    """Whether a tensor is a parameter under a mask, so that its sizes are widths of a layer."""
    is_masked = node.function in ("mul", "masked_fill", "where")
    return is_masked and any(operand.kind == "stored" and operand.shape == node.shape for operand in node.operands)


def _arrangement(meeting: Meeting, axes: Axes, now: Sequence[Shape]) -> tuple[int, tuple[int, ...]] | None:
    """The operand to rearrange, and for its dimensions those of the other operand that they belong to.

    An arrangement has every axis with its like: of the same input axes, or of a layer's width of the same size.
    """
    pair = (meeting.changed[0], meeting.kept[0])
    if meeting.node.kind == "concatenation" or is_product(meeting.node) or len(meeting.node.operands) != 2:
        return None
    for moved, fixed in (pair, pair[::-1]):
        found = _placed(_described(meeting.node, moved, axes, now), _described(meeting.node, fixed, axes, now))
        if found is not None:
            return moved, found
    return None


def _fits_transposed(meeting: Meeting, axes: Axes, now: Sequence[Shape]) -> bool:
    """Whether a matrix product is consistent with one operand transposed: a matrix, what is in front, or all axes."""
    is_matrix = is_product(meeting.node)
    if not (is_matrix or is_attention(meeting.node)) or min(map(len, now[:2])) < 2:
        return False
    left, right = (_described(meeting.node, index, axes, now) for index in (0, 1))
    in_front, others = left[:-2], right[:-2]
    is_permuted = in_front != others and sorted(in_front, key=_sort_key) == sorted(others, key=_sort_key)
    is_turned = left[-1] == right[-1] or left[-2] == right[-2] or _fits_in_other_order(left, right)
    return is_permuted or (is_matrix and is_turned)


def _fits_in_other_order(left: Sequence[Dimension], right: Sequence[Dimension]) -> bool:
    """Whether the matrices match, and what is in front of them, with the axes of the right operand in another order."""
    orders = permutations(right) if 2 < len(right) == len(left) < _MOST_DIMS else ()
    return any(order[-2] == left[-1] and list(order[:-2]) == list(left[:-2]) for order in orders)


def _moved_from_front(meeting: Meeting, axis: InputAxis, axes: Axes) -> Moved | None:
    """The permutation in the same function that moved an axis away from the front of one operand, but not the other."""
    operands = meeting.node.operands[:2]
    places = [axes.dims_of(axis, operand) for operand in operands]
    if len(places) < 2 or (places[0] == (0,)) == (places[1] == (0,)):
        return None
    node = operands[1 if places[0] == (0,) else 0]
    while len(node.activations) == 1 and not node.learned:
        source = node.activations[0]
        if order_of(node) is not None and axes.dims_of(axis, source) == (0,):
            dims = axes.dims_of(axis, node)
            is_near = node.point is not None and meeting.node.point is not None
            is_near = is_near and node.known_point.code is meeting.node.known_point.code
            return Moved(node, dims[0]) if is_near and len(dims) == 1 and dims != (0,) else None
        node = source
    return None


Dimension = tuple[Carried, int, int]
"""What a dimension carries besides features, its size in the trace, and that at the size that fails."""


def _described(node: Node, index: int, axes: Axes, now: Sequence[Shape]) -> list[Dimension]:
    operand = node.operands[index]
    carried = (frozenset(axis for axis in inputs if not axes.is_fixed_by_layer(axis)) for inputs in axes.of(operand))
    return list(zip(carried, operand.known_shape, now[index], strict=True))


def _sort_key(dimension: Dimension) -> tuple[list[int], int, int]:
    return sorted(map(id, dimension[0])), dimension[1], dimension[2]


def _placed(moved: Sequence[Dimension], fixed: Sequence[Dimension]) -> tuple[int, ...] | None:
    """The positions of the dimensions of one tensor among those of another; preserves their order if possible."""
    if not moved or len(moved) > len(fixed) or len(fixed) > _MOST_DIMS:
        return None
    places = permutations(range(len(fixed)), len(moved))
    fitting = [order for order in places if all(_is_like(one, fixed[at]) for one, at in zip(moved, order, strict=True))]
    return min(fitting, key=lambda order: (list(order) != sorted(order), order), default=None)


def _is_like(one: Dimension, other: Dimension) -> bool:
    return one == other or (one[0] == frozenset() and one[1] == one[2] == 1)


def _inserted(places: Sequence[int], rank: int) -> str:
    """The index that adds the missing dimensions; leading ones are added by broadcasting."""
    parts = [":" if dim in places else "None" for dim in range(places[0], rank)]
    while parts[-1] == ":":
        parts.pop()
    return f"[{', '.join(parts)}]"


def _permuted(places: Sequence[int], rank: int) -> str | None:
    return permutation([places.index(dim) for dim in range(rank)]) if len(places) == rank else None


def permutation(order: Sequence[int]) -> str:
    """The call that puts the dimensions of a tensor in an order."""
    moved = [dim for dim, old in enumerate(order) if old != dim]
    if len(moved) == 2:
        return f".transpose({moved[0]}, {moved[1]})"
    return f".permute({', '.join(map(str, order))})"


def rearranged(found: Coincidence) -> RearrangeOperand | None:
    """The fix that rearranges the axes of one operand; None if the correct order is unknown."""
    if found.moved is None or found.suffix is None:
        return None
    title = f"align the axes of the {('first', 'second')[found.moved]} operand: {found.suffix}"
    return RearrangeOperand(title, found.moved, found.suffix, changes_results=True)


def words_for(coincidence: Coincidence, model: Model) -> tuple[str, str]:
    """Describe the two axes: `dim 1 of x` and `the width of fc`."""
    assert model.axes is not None
    return _input_text(coincidence.axis, model.axes), axis_text(
        coincidence.meeting.kept_operand, coincidence.kept, model
    )


def axis_text(node: Node, carried: Carried, model: Model) -> str:
    """Describe an axis; one that depends on no input is the width of the layer that computed it."""
    if carried:
        assert model.axes is not None
        return " and ".join(sorted(_input_text(axis, model.axes) for axis in carried))
    return f"the features of {name_of(_maker(node), model.block_of(node))}"


def _input_text(axis: InputAxis, axes: Axes) -> str:
    node, dim = axis.places[0]
    if not axes.is_fixed_by_layer(axis):
        return axis.text
    what = "channels" if dim == 1 < len(node.known_shape) - 1 else "features"
    return f"the {what} of {node.target} (dim {dim})"


def _maker(node: Node) -> Node:
    """The nearest layer with weights before a tensor, or the tensor itself."""
    above = [node]
    for source in above:  # grows as sources are found
        if source.learned:
            return source
        above += [activation for activation in source.activations if activation not in above]
    return node
