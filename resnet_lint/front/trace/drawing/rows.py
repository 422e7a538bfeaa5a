"""Lays out the inside of one box in rows, with igraph's implementation of Sugiyama, Tagawa and Toda (1981).

Even rows hold parts, odd rows the labels of wires. A wire is a vertical trunk below its source, with a branch to each
target; it occupies a place in every row that it crosses, as parts do. So nothing overlaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from resnet_lint.shared.records.model_trace import Role

from .wires import INTO, OUT, Wire

Extent = tuple[float, float]
"""The width to the left and to the right of the x coordinate at which wires are attached."""

_THIN = 5.0  # half the width reserved for a wire
_GAP = 14.0  # between adjacent places in a row

# The distant end of a wire has a label too, unless more wires than this meet there.
_MOST_LABELS = 3


@dataclass(eq=False)
class Vertex:
    """A place in a row: of a part, of a wire at the edge of the box (`port`), of its label, or of its passage.

    `number` is the index of the part or wire. The place extends from `x - left` to `x + right`; wires attach at `x`.
    """

    sort: Literal["part", "port", "label", "passage"]
    row: int
    number: int
    left: float
    right: float
    x: float = 0.0


@dataclass(frozen=True, eq=False)
class Link:
    """A wire segment, from a place in one row to a place in the next."""

    start: Vertex
    end: Vertex
    wire: int
    role: Role


@dataclass
class RowLayout:
    """The places in one box, those of its parts first, and the wire segments between them."""

    vertices: list[Vertex]
    links: list[Link] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return 1 + max((vertex.row for vertex in self.vertices), default=-1)

    @property
    def width(self) -> float:
        return max((vertex.x + vertex.right for vertex in self.vertices), default=0.0)


def lay_out(parts: Sequence[Extent], wires: Sequence[Wire], label_widths: Sequence[float]) -> RowLayout:
    """Place the parts of a box, and route the wires with room for their labels."""
    rows = _rows(len(parts), wires)
    found = RowLayout([Vertex("part", row, number, *parts[number]) for number, row in enumerate(rows)])
    for number, wire in enumerate(wires):
        _route(number, wire, label_widths[number], found, 2 + max(rows, default=0))
    meeting = defaultdict[Vertex, int](int)
    for link in found.links:
        meeting[link.end] += link.end.sort == "part"
    for link in found.links:
        if link.start.sort == "passage" and 1 < meeting[link.end] <= _MOST_LABELS:
            link.start.sort = "label"
            link.start.left = link.start.right = label_widths[link.start.number] / 2
    _place(found)
    return found


def _rows(count: int, wires: Sequence[Wire]) -> list[int]:
    """The row of each part: two below the lowest of its sources. Inputs of the box have row 0.

    Parts are in execution order, so the sources of a part are placed before it.
    """
    rows = [2 if any(wire.source == INTO for wire in wires) else 0] * count
    for wire in sorted(wires, key=lambda wire: wire.source):
        for target in wire.targets:
            if wire.source != INTO and target != OUT:
                rows[target] = max(rows[target], rows[wire.source] + 2)
    return rows


def _route(number: int, wire: Wire, label_width: float, found: RowLayout, last: int) -> None:
    """Route a wire down to its targets."""

    def port(row: int) -> Vertex:
        found.vertices.append(Vertex("port", row, number, _THIN, _THIN))
        return found.vertices[-1]

    source = port(0) if wire.source == INTO else found.vertices[wire.source]
    ends = [port(last) if target == OUT else found.vertices[target] for target in wire.targets]
    before = source
    for row in range(source.row + 1, max(end.row for end in ends)):
        left = {role for end, role in zip(ends, wire.roles, strict=True) if end.row > row}
        if before is source and wire.needs_label:
            here = Vertex("label", row, number, label_width / 2, label_width / 2)
        else:
            here = Vertex("passage", row, number, _THIN, _THIN)
        found.vertices.append(here)
        found.links.append(Link(before, here, number, left.pop() if len(left) == 1 else "main"))
        for end, role in zip(ends, wire.roles, strict=True):
            if end.row == row + 1:
                found.links.append(Link(here, end, number, role))
        before = here


def _place(found: RowLayout) -> None:
    """Assign x coordinates in the order of igraph's layout, keeping its columns."""
    import igraph

    number = {vertex: index for index, vertex in enumerate(found.vertices)}
    graph = igraph.Graph(
        len(found.vertices), [(number[link.start], number[link.end]) for link in found.links], directed=True
    )
    drawn = graph.layout_sugiyama(layers=[vertex.row for vertex in found.vertices])
    x = 0.0
    last_in: dict[int, Vertex] = {}
    for column in _columns(found.vertices, [x for x, _ in drawn.coords]):
        for vertex in column:
            left = last_in.get(vertex.row)
            x = max(x, vertex.left if left is None else left.x + left.right + vertex.left + _GAP)
        for vertex in column:
            vertex.x = x
            last_in[vertex.row] = vertex


def _columns(vertices: Sequence[Vertex], positions: Sequence[float]) -> list[list[Vertex]]:
    """The columns from left to right. Adjacent places in a row are 1 apart; closer ones share a column."""
    columns: list[list[Vertex]] = []
    began = 0.0
    for x, number in sorted(zip(positions, range(len(positions)), strict=True)):
        if not columns or x > began + 0.99:
            columns.append([])
            began = x
        columns[-1].append(vertices[number])
    return columns
