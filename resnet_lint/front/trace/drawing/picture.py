"""Computes the layout of a drawing: boxes from the inside out, rows from top to bottom. Lengths are in pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from resnet_lint.shared.records.model_trace import Flow, TracedTensor

from .boxes import Box
from .rows import Extent, Link, RowLayout, Vertex, lay_out
from .wires import Wire, wires_in

CHARACTER = 7.3  # width of a character of the monospaced font
LINE = 16.0
PAD = 10.0
ROW_GAP = 12.0
_MOST_CHARACTERS = 44

XY = tuple[float, float]


@dataclass(eq=False)
class Picture:
    """A box with its size, its text and its contents: the layout, the wires, and the pictures of its parts.

    `least` is the width of its own text. `tops` are the upper edges of its rows relative to the box, followed by the
    lower edge of the last row.
    """

    box: Box
    title: str
    lines: tuple[str, ...]
    width: float
    least: float
    is_open: bool = False
    inside: RowLayout | None = None
    wires: tuple[Wire, ...] = ()
    labels: tuple[str, ...] = ()
    parts: tuple[Picture, ...] = ()
    left: float = 0.0
    tops: list[float] = field(default_factory=list)

    def port_x(self, name: str, side: str) -> float:
        """Where a tensor enters (`top`) or leaves (`bottom`) the box, relative to its left edge."""
        if self.inside is None:
            return self.width / 2
        ports = [v for v in self.inside.vertices if v.sort == "port" and (v.row == 0) == (side == "top")]
        matching = [port for port in ports if self.wires[port.number].tensor.name == name]
        found = matching or ports[:1]  # in repeated modules, the output of the last one has another name
        return self.left + found[0].x if found else self.width / 2

    def corners(self, link: Link) -> tuple[XY, ...]:
        """The corners of a wire segment relative to the box: down to the end of the row, then across to the next row.

        A wire that leaves the box continues to its lower edge.
        """
        name = self.wires[link.wire].tensor.name
        start, end = link.start, link.end
        upper = self.tops[start.row] if start.sort != "port" else self.header
        lower = max(upper, self.tops[start.row + 1] - ROW_GAP)
        if start.sort == "part":
            upper += self.parts[start.number].height
        elif start.sort == "label":
            upper = lower
        x, y = self._end_of(end, name, "top"), self.tops[end.row]
        points = [(self._end_of(start, name, "bottom"), upper), (self._end_of(start, name, "bottom"), lower), (x, y)]
        if end.sort == "port":
            points.append((x, self.height))
        return tuple(points)

    def _end_of(self, vertex: Vertex, name: str, side: str) -> float:
        x = self.left + vertex.x
        if vertex.sort != "part":
            return x
        part = self.parts[vertex.number]
        return x - part.extent[0] + part.port_x(name, side)

    @property
    def extent(self) -> Extent:
        """The width of the box to the left and to the right of its first port."""
        first = self.port_x(self.wires[0].tensor.name, "top") if self.wires else self.width / 2
        return first, self.width - first

    @property
    def closed_span(self) -> tuple[float, float]:
        """The left edge, relative to that of the open box, and the width when closed: for the text and all ports."""
        ports = [] if self.inside is None else [v.x for v in self.inside.vertices if v.sort == "port"]
        first, last = min(ports, default=0.0) + self.left, max(ports, default=0.0) + self.left
        width = max(self.least, last - first + 2 * PAD)
        return min(max(0.0, (first + last - width) / 2), self.width - width), width

    @property
    def span(self) -> tuple[float, float]:
        """The left edge, relative to that of the open box, and the width, as it is drawn."""
        return (0.0, self.width) if self.is_open or self.inside is None else self.closed_span

    @property
    def header(self) -> float:
        """The height of the header."""
        return PAD + LINE * (1 + len(self.lines))

    @property
    def height(self) -> float:
        return self.tops[-1] if self.is_open else self.header


def shortened(text: str) -> str:
    """Truncate a text to the maximum width of a box."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def text_width(text: str) -> float:
    return len(text) * CHARACTER


def picture(box: Box, flows: tuple[Flow, ...], depth: int, label: Callable[[TracedTensor], str]) -> Picture:
    """The picture of a box, open to a depth; the contents of closed boxes are laid out as well."""
    title = shortened(box.heading)
    lines = tuple(map(shortened, box.texts))
    head = f"+ {title}  {box.kind}" if box.parts else title
    width = max(map(text_width, (head, *lines))) + 2 * PAD
    if not box.parts:
        return Picture(box, title, lines, width, width)
    parts = tuple(picture(part, flows, depth - 1, label) for part in box.parts)
    wires = wires_in(box, flows)
    labels = tuple(label(wire.tensor) for wire in wires)
    inside = lay_out([part.extent for part in parts], wires, list(map(text_width, labels)))
    result = Picture(
        box, title, lines, max(width, inside.width + 2 * PAD), width, depth > 0, inside, wires, labels, parts
    )
    result.left = (result.width - inside.width) / 2
    restack(result)
    return result


def restack(picture: Picture) -> None:
    """Recompute the rows of a box from the current heights of its parts."""
    assert picture.inside is not None
    heights = [0.0] * picture.inside.rows
    for vertex in picture.inside.vertices:
        height = picture.parts[vertex.number].height if vertex.sort == "part" else LINE * (vertex.sort == "label")
        heights[vertex.row] = max(heights[vertex.row], height)
    picture.tops = [picture.header + ROW_GAP]
    for height in heights:
        picture.tops.append(picture.tops[-1] + height + ROW_GAP * bool(height))
