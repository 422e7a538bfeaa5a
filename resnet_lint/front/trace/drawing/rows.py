"""Lays out the inside of one box in rows, with igraph: the layered drawing of Sugiyama, Tagawa and Toda (1981).

Even rows hold parts, odd rows the labels of wires. A wire is a trunk that goes down from its source and leaves a branch
at each target; where it passes a row, it has a place there as a part has. So nothing lies on anything else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from resnet_lint.shared.records.model_trace import Role

from .wires import INTO, OUT, Wire

Extent = tuple[float, float]
"""What something takes of a row, to the left and to the right of where its wires meet it."""

_THIN = 5.0  # what a wire takes to each side
_GAP = 14.0  # between neighbours in a row

# A far end of a wire has a label of its own, unless that many wires meet there.
_MOST_LABELS = 3


@dataclass(eq=False)
class Vertex:
    """A place in a row: of a part, of a wire's end at the edge of the box (`port`), of its label, or of its course.

    `number` is that of the part or the wire. It takes the room from `x - left` to `x + right`; wires meet it at `x`.
    """

    sort: Literal["part", "port", "label", "course"]
    row: int
    number: int
    left: float
    right: float
    x: float = 0.0


@dataclass(frozen=True, eq=False)
class Link:
    """A piece of a wire, from a place in one row to a place in the next."""

    start: Vertex
    end: Vertex
    wire: int
    role: Role


@dataclass
class RowLayout:
    """The places of one box, those of its parts first, and the pieces of wire between them."""

    vertices: list[Vertex]
    links: list[Link] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return 1 + max((vertex.row for vertex in self.vertices), default=-1)

    @property
    def width(self) -> float:
        return max((vertex.x + vertex.right for vertex in self.vertices), default=0.0)


def lay_out(parts: Sequence[Extent], wires: Sequence[Wire], label_widths: Sequence[float]) -> RowLayout:
    """Give each part of a box a place with the room that it needs, and each wire a course with room for its label."""
    rows = _rows(len(parts), wires)
    found = RowLayout([Vertex("part", row, number, *parts[number]) for number, row in enumerate(rows)])
    for number, wire in enumerate(wires):
        _lead(number, wire, label_widths[number], found, 2 + max(rows, default=0))
    meeting = defaultdict[Vertex, int](int)
    for link in found.links:
        meeting[link.end] += link.end.sort == "part"
    for link in found.links:
        if link.start.sort == "course" and 1 < meeting[link.end] <= _MOST_LABELS:
            link.start.sort = "label"
            link.start.left = link.start.right = label_widths[link.start.number] / 2
    _place(found)
    return found


def _rows(count: int, wires: Sequence[Wire]) -> list[int]:
    """The row of each part: two below the lowest of those that it takes from. What comes in has row 0 to itself.

    Parts are in the order of the forward, so what a part takes is settled before it gives.
    """
    rows = [2 if any(wire.source == INTO for wire in wires) else 0] * count
    for wire in sorted(wires, key=lambda wire: wire.source):
        for target in wire.targets:
            if wire.source != INTO and target != OUT:
                rows[target] = max(rows[target], rows[wire.source] + 2)
    return rows


def _lead(number: int, wire: Wire, label_width: float, found: RowLayout, last: int) -> None:
    """Lead a wire down to its targets."""

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
            here = Vertex("course", row, number, _THIN, _THIN)
        found.vertices.append(here)
        found.links.append(Link(before, here, number, left.pop() if len(left) == 1 else "main"))
        for end, role in zip(ends, wire.roles, strict=True):
            if end.row == row + 1:
                found.links.append(Link(here, end, number, role))
        before = here


def _place(found: RowLayout) -> None:
    """Put neighbours side by side in the order of igraph's drawing, and keep its columns."""
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


def _columns(vertices: Sequence[Vertex], places: Sequence[float]) -> list[list[Vertex]]:
    """The columns from left to right. Neighbours in a row are 1 apart, so what is nearer may share a column."""
    columns: list[list[Vertex]] = []
    began = 0.0
    for x, number in sorted(zip(places, range(len(places)), strict=True)):
        if not columns or x > began + 0.99:
            columns.append([])
            began = x
        columns[-1].append(vertices[number])
    return columns
