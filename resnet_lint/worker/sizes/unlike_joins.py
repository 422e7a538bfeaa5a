"""Joins of two paths whose sizes are unlike functions of the input's size: equal where they were traced, not always."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import fx

from resnet_lint.graph.effects import argument_of
from resnet_lint.graph.model import function_name
from resnet_lint.shared.records.places import Span

from ..tracer.torch_functions import ADDITIONS, CONCATENATIONS
from .follow_sizes import Follower, Sizes
from .size_formulas import Size, Step


@dataclass(frozen=True, eq=False)
class Join:
    """An addition or concatenation; `unlike` has the operands' sizes, where they differ, by the axis of the input."""

    node: fx.Node
    unlike: Mapping[int, tuple[Size, ...]]

    @property
    def span(self) -> Span:
        span: Span = self.node.meta["point"].span
        return span

    @property
    def is_addition(self) -> bool:
        return self.node.meta["function"] in ADDITIONS

    @property
    def grows(self) -> bool:
        """Whether one side was made smaller and larger again."""
        return any(size.grows for sizes in self.unlike.values() for size in sizes)

    def agrees(self, axis: int, size: int) -> bool:
        """Whether the operands are equal where the input's axis has this size."""
        return len({each.at(size) for each in self.unlike[axis]}) == 1

    def fails(self, axis: int, size: int) -> bool:
        """Whether the join raises where the input's axis has this size; an addition broadcasts a size of 1."""
        broadcasts = self.is_addition and any(each.at(size) == 1 for each in self.unlike[axis])
        return not self.agrees(axis, size) and not broadcasts


def joins_in(nodes: Iterable[fx.Node], follower: Follower) -> Iterator[Join]:
    """The joins among some nodes whose operands are unlike, in the follower's terms."""
    for node in nodes:
        if node.meta.get("function") in ADDITIONS | CONCATENATIONS and node.meta["point"] is not None:
            unlike = _unlike(node, follower)
            if unlike:
                yield Join(node, unlike)


def _unlike(node: fx.Node, follower: Follower) -> dict[int, tuple[Size, ...]]:
    operands = [source for source in node.all_input_nodes if source.meta["activation"] and source.meta["shape"]]
    if len({len(operand.meta["shape"]) for operand in operands}) != 1:
        return {}
    along = argument_of(node, 1, "dim", 0) % len(operands[0].meta["shape"]) if _concatenates(node) else None
    shapes = [each for each in map(follower.sizes, operands) if each]
    found = {}
    for axis in range(len(operands[0].meta["shape"])):
        known = [sizes[axis] for sizes in shapes]
        sizes = tuple(dict.fromkeys(size for size in known if size is not None))
        if axis != along and len(sizes) > 1 and len({size.axis for size in sizes}) == 1:
            found[sizes[0].axis] = sizes
    return found


def _concatenates(node: fx.Node) -> bool:
    return node.meta["function"] in CONCATENATIONS


def sizes_of_inputs(inputs: Sequence[fx.Node]) -> dict[fx.Node, Sizes]:
    """The sizes of some tensors by their axes: what lies behind the channels, and a sequence's length.

    Of several tensors of different sizes, such as the levels of a pyramid, the largest counts; the others come from it
    by strides that round up. Those for which that makes no sense are left out.
    """
    maps = [node for node in inputs if len(node.meta["shape"] or ()) > 2]
    largest = max(maps, key=lambda node: tuple(node.meta["shape"][2:]), default=None)
    if largest is None:
        return {}
    first = 2 if len(largest.meta["shape"]) > 3 or _is_signal(largest) else 1
    found = {node: _beside(node.meta["shape"], largest.meta["shape"], first) for node in maps}
    return {node: sizes for node, sizes in found.items() if sizes is not None}


def _is_signal(node: fx.Node) -> bool:
    """Whether a tensor of three axes has its channels second, as layers for signals want; tokens have them last."""
    return any(function_name(each).endswith("1d") for each in node.graph.nodes)


def _beside(shape: Sequence[int], largest: Sequence[int], first: int) -> Sizes | None:
    """The sizes of a map from axis `first` on, beside the largest one."""
    if len(shape) != len(largest):
        return None
    pairs = list(zip(shape[first:], largest[first:], strict=True))
    sizes = [_strided(axis, -(-whole // part)) for axis, (part, whole) in enumerate(pairs, first)]
    if any(size.at(whole) != part for size, (part, whole) in zip(sizes, pairs, strict=True)):
        return None
    return (*(None,) * first, *sizes)


def _strided(axis: int, stride: int) -> Size:
    """The size that layers of this stride in all, which round up, make of the input's."""
    return Size(axis).after(Step(1, stride - 1, stride))
