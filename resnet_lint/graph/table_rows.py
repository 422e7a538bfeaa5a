"""Finds position tables that are read along the wrong axis, or at a single row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..shared.records.fix_plans import SliceTable
from .axes import Axes, InputAxis
from .node import Node


@dataclass(frozen=True, eq=False)
class OneRow:
    """A row of a table at an index that is a size, `axis`, and the call that puts it on all positions of that axis."""

    row: Node
    axis: InputAxis
    join: Node
    position: int

    @property
    def sliced(self) -> SliceTable:
        """The fix that reads a row per position."""
        return SliceTable("read a row per position, with a slice", self.position, changes_results=True)


def one_rows(nodes: Sequence[Node], axes: Axes) -> Iterator[OneRow]:
    """The rows that are read in place of a slice: `x + table[:, x.shape[1], :]`."""
    for node in nodes:
        if node.function != "getitem" or node.activation or node.point is None:
            continue
        for axis, position in _sizes_in_index(node, axes):
            join = next((user for user in _joins(node) if _is_put_on_all(node, user, axis, axes)), None)
            if join is not None:
                yield OneRow(node, axis, join, position)


def _sizes_in_index(node: Node, axes: Axes) -> Iterator[tuple[InputAxis, int]]:
    """The axes on whose size an integer in an index depends, and its position in the index."""
    for run in axes.altered:
        again = run.again.get(node)
        pairs = zip(_index(node), _index(again), strict=False) if again is not None else ()
        for position, (part, other) in enumerate(pairs):
            if isinstance(part, int) and part != other:
                yield run.axis, position


def _index(node: Node) -> tuple[Any, ...]:
    index = node.arguments.get("index")
    return index if isinstance(index, tuple) else (index,)


def _joins(node: Node) -> Iterator[Node]:
    """The first calls that combine a tensor with an activation."""
    waiting = list(node.users)
    for user in waiting:  # grows as users are found
        if user.activation:
            yield user
        else:
            waiting += [reader for reader in user.users if reader not in waiting]


def _is_put_on_all(row: Node, join: Node, axis: InputAxis, axes: Axes) -> bool:
    """Whether the other operand of an addition has the axis, and the row does not."""
    rows = [operand for operand in join.operands if not operand.activation]
    others = [operand for operand in join.operands if operand.activation]
    return (
        join.kind == "addition"
        and any(axes.dims_of(axis, other) for other in others)
        and not any(axes.dims_of(axis, row) for row in rows)
    )


@dataclass(frozen=True, eq=False)
class RowPerSample:
    """An addition of a table that is read along the batch: `dim` of the tensor is the batch, `table` what is added."""

    join: Node
    table: Node
    tensor: Node
    dim: int


def rows_per_sample(nodes: Sequence[Node], axes: Axes, batch: InputAxis) -> Iterator[RowPerSample]:
    """The additions of one table row per sample: `x + table[:x.size(0)]` for `x` (batch, sequence, features)."""
    for node in nodes:
        tables = [operand for operand in node.operands if not operand.activation and operand.shape is not None]
        tensors = [operand for operand in node.operands if operand.activation]
        if node.kind != "addition" or node.point is None or len(tables) != 1 or len(tensors) != 1:
            continue
        if len(tables[0].known_shape) != 3 or len(tensors[0].shape or ()) != 3:
            continue
        for dim in axes.dims_of(batch, tables[0]):
            is_one_each = dim < 2 and tables[0].known_shape[1 - dim] == 1 and axes.of(tables[0])[dim] == {batch}
            if is_one_each and _is_read_along(tables[0], batch, axes):
                yield RowPerSample(node, tables[0], tensors[0], dim)


def _is_read_along(table: Node, batch: InputAxis, axes: Axes) -> bool:
    """Whether the axis comes from a slice of a table; not from noise, zeros, numbers of rows or copies of one row."""
    above = [table]
    for node in above:  # grows as sources are found
        sources = [source for source in node.sources if source.shape is None or axes.dims_of(batch, source)]
        if not sources and node.function in ("getitem", "narrow"):
            return True
        above += [source for source in sources if source not in above]
    return False
