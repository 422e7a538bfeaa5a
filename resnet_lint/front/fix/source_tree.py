"""A source file with its libcst tree: finds nodes by position, and creates edits without applying them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

from resnet_lint.shared.records.fix_plans import Site
from resnet_lint.shared.records.places import Edit, Position, Span
from resnet_lint.shared.source_text import split_lines


@dataclass(frozen=True)
class TextEdit:
    """Replace the characters from `start` to `end` (offsets from 0, end exclusive) by `text`."""

    start: int
    end: int
    text: str


class Source:
    """The text of a file and its tree. Raises cst.ParserSyntaxError if libcst cannot parse it."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.module = self._wrapper.module
        self._positions = self._wrapper.resolve(PositionProvider)
        self._parents = self._wrapper.resolve(ParentNodeProvider)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts, at = [0], 0
        for line in split_lines(self.text):
            at += len(line)
            starts.append(at)
        return starts

    @cached_property
    def _by_range(self) -> dict[tuple[int, int, int, int], list[cst.CSTNode]]:
        found: dict[tuple[int, int, int, int], list[cst.CSTNode]] = {}
        for node, place in self._positions.items():
            if isinstance(place, CodeRange):
                key = (place.start.line, place.start.column + 1, place.end.line, place.end.column + 1)
                found.setdefault(key, []).append(node)
        return found

    def at(self, span: Span) -> list[cst.CSTNode]:
        """The nodes with exactly this span, outermost first."""
        return self._by_range.get((span.start.line, span.start.column, span.end.line, span.end.column), [])

    def call_at(self, span: Span) -> cst.Call | None:
        """The call expression at a span."""
        return next((node for node in self.at(span) if isinstance(node, cst.Call)), None)

    def range_of(self, node: cst.CSTNode) -> tuple[int, int]:
        """The start and end offset of a node, including its parentheses."""
        place = self._positions[node]
        assert isinstance(place, CodeRange)
        start, end = self.offset(place.start.line, place.start.column), self.offset(place.end.line, place.end.column)
        for _ in node.lpar if isinstance(node, cst.BaseExpression) else ():  # libcst's positions leave them out
            start, end = self.text.rindex("(", 0, start), self.text.index(")", end) + 1
        return start, end

    def line_of(self, node: cst.CSTNode) -> int:
        place = self._positions[node]
        assert isinstance(place, CodeRange)
        return place.start.line

    def offset(self, line: int, column: int) -> int:
        """The offset of a line (from 1) and a column (from 0)."""
        return self._line_starts[line - 1] + column

    def line_around(self, offset: int) -> str:
        """The line at an offset, without its end."""
        start = max(at for at in self._line_starts if at <= offset)
        return split_lines(self.text[start:])[0].rstrip("\r\n")

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node on its own."""
        start, end = self.range_of(node)
        return self.text[start:end]

    def in_line(self, expression: cst.BaseExpression) -> str:
        """The text of an expression on one line."""
        return on_one_line(self.code(expression))

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around a node, the nearest first."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    def function_around(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The nearest function that holds a node."""
        return next((above for above in self.above(node) if isinstance(above, cst.FunctionDef)), None)

    def class_around(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """The nearest class that holds a node."""
        return next((above for above in self.above(node) if isinstance(above, cst.ClassDef)), None)

    def constructor_around(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The `__init__` of the class that holds a node."""
        definition = self.class_around(node)
        methods = (
            [statement for statement in definition.body.body if isinstance(statement, cst.FunctionDef)]
            if definition
            else []
        )
        return next((method for method in methods if method.name.value == "__init__"), None)

    def is_statement(self, node: cst.CSTNode) -> bool:
        """Whether an expression is a whole statement, so that nothing reads its value."""
        return isinstance(self._parents.get(node), cst.Expr)

    def statement_around(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """The simple statement that contains a node."""
        return next((above for above in self.above(node) if isinstance(above, cst.SimpleStatementLine)), None)

    def indent_of(self, statement: cst.CSTNode) -> str:
        """The indentation of a statement."""
        start = self.offset(self.line_of(statement), 0)
        line = self.text[start : self.range_of(statement)[0]]
        return line[: len(line) - len(line.lstrip())]

    def replaced(self, node: cst.CSTNode, text: str) -> TextEdit:
        """The edit that replaces a node by `text`."""
        start, end = self.range_of(node)
        return TextEdit(start, end, text)

    def lines_after(self, statement: cst.CSTNode, lines: Sequence[str]) -> TextEdit:
        """The edit that inserts lines after a statement, with its indentation and the file's line endings."""
        place = self._positions[statement]
        assert isinstance(place, CodeRange)
        newline, indent = self.module.default_newline, self.indent_of(statement)
        end = self._line_starts[place.end.line] if place.end.line < len(self._line_starts) else len(self.text)
        block = newline.join(indent + line if line else "" for line in lines)
        if end == len(self.text) and not self.text.endswith(("\n", "\r")):
            return TextEdit(end, end, newline + block)
        return TextEdit(end, end, block + newline)

    def lines_before(self, statement: cst.CSTNode, lines: Sequence[str]) -> TextEdit:
        """The edit that inserts lines before a statement, with its indentation and the file's line endings."""
        start = self.offset(self.line_of(statement), 0)
        newline, indent = self.module.default_newline, self.indent_of(statement)
        return TextEdit(start, start, "".join(indent + line + newline for line in lines))

    def edited(self, edits: Sequence[TextEdit]) -> str:
        """The text with all edits applied; they must not overlap."""
        text = self.text
        for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text

    def as_records(self, edits: Sequence[TextEdit]) -> tuple[Edit, ...]:
        """The edits with lines and columns (from 1), in order."""
        ordered = sorted(edits, key=lambda edit: edit.start)
        return tuple(Edit(self._position(edit.start), self._position(edit.end), edit.text) for edit in ordered)

    def _position(self, offset: int) -> Position:
        line = next(n for n in range(len(self._line_starts), 0, -1) if self._line_starts[n - 1] <= offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)


def on_one_line(code: str) -> str:
    """Remove line breaks from an expression, because it may lose the parentheses that allowed them."""
    return f"({code})" if re.search(r"\n.*['\"#]|['\"#].*\n", code) else " ".join(code.split())


@dataclass(frozen=True)
class Step:
    """One of the calls that constructed a layer: its file, and the enclosing function, None at module level."""

    source: Source
    call: cst.Call
    function: cst.FunctionDef | None


class Sources:
    """The files that a fix reads: the current text of the edited one, and others from disk, which `others` caches."""

    def __init__(self, edited: Source, others: dict[str, Source | None]) -> None:
        self._edited = edited
        self._others = others

    def get(self, path: str) -> Source | None:
        """The source of a file; None if it cannot be read or parsed."""
        if path == self._edited.path:
            return self._edited
        if path not in self._others:
            self._others[path] = _read(path)
        return self._others[path]

    def step(self, site: Site, level: int) -> Step | None:
        """The call at a level of a layer's construction (0: innermost); None if there is none or it is unreadable."""
        if level >= len(site.calls):
            return None
        source = self.get(site.calls[level].path)
        call = source.call_at(site.calls[level]) if source is not None else None
        return Step(source, call, source.function_around(call)) if source is not None and call is not None else None


def _read(path: str) -> Source | None:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return Source(path, file.read())
    except (OSError, UnicodeError, cst.ParserSyntaxError):
        return None
