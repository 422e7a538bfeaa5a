"""Maps running frames to expressions in the user's source."""

from __future__ import annotations

import ast
import importlib.util
import linecache
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from ..shared.interactive import is_cell
from ..shared.records.places import Position, Span

_INSTALLED = ("site-packages", "dist-packages")
_TOOL = os.path.join(Path(__file__).parents[1], "")


@dataclass(frozen=True)
class Point:
    """An instruction of a code object: cheap to record while the model runs, and resolved to a Span on demand."""

    code: CodeType
    instruction: int

    @property
    def span(self) -> Span:
        return _span(self.code.co_filename, self.code, self.instruction)

    @property
    def text(self) -> str:
        """The source of the expression on one line."""
        span = self.span
        lines = [linecache.getline(span.path, number) for number in range(span.start.line, span.end.line + 1)]
        if not any(lines):
            return self.code.co_name
        lines[-1] = lines[-1][: span.end.column - 1]
        lines[0] = lines[0][span.start.column - 1 :]
        return " ".join(" ".join(lines).split())


@dataclass(frozen=True)
class Project:
    """The root folder of the user's code: only files in it are blamed, not what they import from elsewhere."""

    root: str

    def owns(self, code: CodeType) -> bool:
        return self.has(code.co_filename)

    def has(self, path: str) -> bool:
        """Whether a file is one of the user's own."""
        return _owned(path, self.root)

    def frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost frame of the user's code at or above `frame`."""
        while frame is not None and not self.owns(frame.f_code):
            frame = frame.f_back
        return frame


def point(frame: FrameType) -> Point:
    return Point(frame.f_code, frame.f_lasti)


def span_of(path: str, node: ast.expr) -> Span:
    """The span of an expression in a syntax tree."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return _between(path, node.lineno, node.col_offset, end_line, end_column)


def caller(depth: int = 1) -> FrameType:
    """The frame `depth` levels above the calling function."""
    return sys._getframe(depth + 1)


def first_argument(frame: FrameType) -> Any:
    """The value of a function's first parameter (`self` in a method), or None."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


@cache
def _owned(path: str, root: str) -> bool:
    if is_cell(path):
        return True
    if path.startswith((torch_folder(), _TOOL, "<")) or not path.startswith(root):
        return False
    # A virtual environment may be inside the project.
    return not any(part in _INSTALLED for part in path.removeprefix(root).split(os.sep))


@cache
def torch_folder() -> str:
    """The folder of torch with a trailing slash, to exclude torchvision. Must be called before the user's code runs."""
    spec = importlib.util.find_spec("torch")
    assert spec is not None and spec.origin is not None
    return os.path.join(Path(spec.origin).parent, "")


Positions = tuple[int | None, int | None, int | None, int | None]
"""Line, end line, column and end column of an instruction, as in `co_positions`."""


@cache
def positions_in(code: CodeType) -> list[Positions]:
    """The source positions of the instructions of a code object, in order."""
    return list(code.co_positions())


def _span(path: str, code: CodeType, instruction: int) -> Span:
    # The path is a separate argument, because equal code objects of two files are the same cache key.
    line, end_line, column, end_column = positions_in(code)[instruction // 2]
    line = line or code.co_firstlineno
    end_line = end_line or line
    return _between(path, line, column or 0, end_line, end_column or 0)


def _between(path: str, line: int, column: int, end_line: int, end_column: int) -> Span:
    start, end = _characters(path, line, column), _characters(path, end_line, end_column)
    return Span(path, Position(line, start + 1), Position(end_line, end + 1))


def _characters(path: str, line: int, offset: int) -> int:
    """Convert a column from UTF-8 bytes, as in Python, to characters."""
    return len(linecache.getline(path, line).encode()[:offset].decode(errors="ignore"))
