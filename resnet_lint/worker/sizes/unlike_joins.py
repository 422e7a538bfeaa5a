"""Finds joins whose operands differ in size as functions of the input size, although not always at the traced size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnet_lint.graph.node import Node
from resnet_lint.shared.records.places import Span

from .axis_letters import axis_letters
from .follow_sizes import Follower, Sizes
from .input_size import InputSize, Step


@dataclass(frozen=True, eq=False)
class Join:
    """An addition or concatenation whose operands have different sizes in terms of the input size.

    `unlike` maps input axes to the different sizes.
    """

    node: Node
    unlike: Mapping[str, Sequence[InputSize]]

    @property
    def span(self) -> Span:
        span: Span = self.node.known_point.span
        return span

    @property
    def is_addition(self) -> bool:
        return self.node.kind == "addition"

    @property
    def grows(self) -> bool:
        """Whether one side is downsampled and upsampled again."""
        return any(size.enlarges for sizes in self.unlike.values() for size in sizes)

    def sizes_at(self, axis: str, size: int) -> set[int]:
        """The distinct sizes of the operands at a size of the input axis."""
        return {unlike.at(size) for unlike in self.unlike[axis]}

    def agrees(self, axis: str, size: int) -> bool:
        """Whether the operands are equal at a size of the input axis."""
        return len(self.sizes_at(axis, size)) == 1

    def fails(self, axis: str, size: int) -> bool:
        """Whether the join fails at a size of the input axis; additions broadcast a size of 1."""
        sizes = self.sizes_at(axis, size)
        return len(sizes) > 1 and not (self.is_addition and 1 in sizes)


def joins_in(nodes: Iterable[Node], follower: Follower) -> Iterator[Join]:
    """The joins among some nodes whose operands have different sizes, in terms of the follower's bases."""
    for node in nodes:
        if node.kind in ("addition", "concatenation") and node.point is not None:
            unlike = _unlike(node, follower)
            if unlike:
                yield Join(node, unlike)


def _unlike(node: Node, follower: Follower) -> dict[str, tuple[InputSize, ...]]:
    operands = [source for source in node.activations if source.shape]
    if len({len(operand.known_shape) for operand in operands}) != 1:
        return {}
    along = node.arguments.get("dim", 0) % len(operands[0].known_shape) if node.kind == "concatenation" else None
    shapes = list(filter(None, map(follower.sizes, operands)))
    found = {}
    for axis in range(len(operands[0].known_shape)):
        known = [sizes[axis] for sizes in shapes]
        sizes = tuple(dict.fromkeys(size for size in known if size is not None))
        if axis != along and len(sizes) > 1 and len({size.axis for size in sizes}) == 1:
            found[sizes[0].axis] = sizes
    return found


def sizes_of_inputs(inputs: Sequence[Node], nodes: Iterable[Node]) -> dict[Node, Sizes]:
    """The sizes of some tensors: of their spatial axes, or of the length of a sequence.

    They are those of the largest tensor; others, such as the levels of a pyramid, are derived from it by strides that
    round up. Tensors for which this gives the wrong sizes are omitted.
    """
    maps = [node for node in inputs if len(node.shape or ()) > 2]
    largest = max(maps, key=lambda node: tuple(node.known_shape[2:]), default=None)
    if largest is None:
        return {}
    shape = largest.known_shape
    channels, first = (1, 2) if len(shape) > 3 or _is_signal(nodes) else (2, 1)
    letters = axis_letters([axis == channels for axis in range(len(shape))])
    symbols = (*(None,) * first, *map(InputSize, letters[first:]))
    found = {node: _beside(node.known_shape, shape, symbols) for node in maps}
    return {node: sizes for node, sizes in found.items() if sizes is not None}


def _is_signal(nodes: Iterable[Node]) -> bool:
    """Whether the channels of a 3D tensor are the second axis, as in 1d convolutions; for tokens, they are the last."""
    return any(node.function.endswith("1d") for node in nodes)


def _beside(shape: Sequence[int], largest: Sequence[int], symbols: Sizes) -> Sizes | None:
    """The sizes of a map relative to the largest one, whose sizes are `symbols`."""
    if len(shape) != len(largest) or 0 in shape:
        return None
    sizes: list[InputSize | None] = []
    for symbol, part, whole in zip(symbols, shape, largest, strict=True):
        stride = -(-whole // part)
        if symbol is not None and -(-whole // stride) != part:
            return None
        sizes.append(symbol.then(Step(1, stride - 1, stride)) if symbol is not None else None)
    return tuple(sizes)
