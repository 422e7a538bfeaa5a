"""Positions in source files, and shapes. Lines and columns start at 1; ends are exclusive."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True, order=True)
class Position:
    """A position in a source file: line and column, starting at 1; columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, order=True)
class Span:
    """An expression in a source file. `path` is absolute; reports shorten it."""

    path: str
    start: Position
    end: Position

    @property
    def lines(self) -> range:
        """The lines of the expression; an end at the start of a line excludes that line."""
        last = self.end.line - 1 if self.end.column == 1 and self.end.line > self.start.line else self.end.line
        return range(self.start.line, last + 1)


@dataclass(frozen=True)
class Operand:
    """An operand of a failing operation: its role ("residual branch", "shortcut") and its shape."""

    role: str
    shape: Shape
    symbolic: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Cause:
    """A line that caused a finding, such as the layer that changed the channels."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Edit:
    """Replace the text between two positions of the finding's file."""

    start: Position
    end: Position
    text: str
