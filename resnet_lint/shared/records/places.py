"""Places in source files, and shapes. Lines and columns count from 1; an end is exclusive."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True, order=True)
class Position:
    """A place in a source file: line and column, both from 1; the column counts characters."""

    line: int
    column: int


@dataclass(frozen=True, order=True)
class Span:
    """An expression in a source file. `path` is absolute inside the tool; the reports shorten it."""

    path: str
    start: Position
    end: Position

    @property
    def lines(self) -> range:
        """The lines that the expression covers; an end at the beginning of a line leaves that line out."""
        last = self.end.line - 1 if self.end.column == 1 and self.end.line > self.start.line else self.end.line
        return range(self.start.line, last + 1)


@dataclass(frozen=True)
class Operand:
    """One side of the operation that a finding is about: its role ("residual branch", "shortcut") and its shape."""

    role: str
    shape: Shape
    symbolic: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Cause:
    """A line that explains a finding, such as the layer that changed the channels."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Edit:
    """Replace the text between two positions of the finding's file."""

    start: Position
    end: Position
    text: str
