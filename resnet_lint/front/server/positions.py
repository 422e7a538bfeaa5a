"""Converts positions: reports count lines and characters from 1, the protocol from 0, usually in UTF-16 units."""

from __future__ import annotations

from lsprotocol import types
from pygls.workspace import PositionCodec

from resnet_lint.shared.records.places import Edit, Position
from resnet_lint.shared.source_text import split_lines


class ClientText:
    """A text whose positions the client counts in the units of `codec`."""

    def __init__(self, text: str, codec: PositionCodec) -> None:
        self.lines = split_lines(text)
        self._codec = codec

    def position(self, place: Position) -> types.Position:
        return self._codec.position_to_client_units(self.lines, types.Position(place.line - 1, place.column - 1))

    def range(self, start: Position, end: Position) -> types.Range:
        return types.Range(self.position(start), self.position(end))

    def edit(self, edit: Edit) -> types.TextEdit:
        return types.TextEdit(self.range(edit.start, edit.end), edit.text)

    def end_of_line(self, line: int) -> types.Range:
        """The empty range at the end of a line, from 1, before its line break."""
        place = Position(line, len(self.lines[line - 1].rstrip("\r\n")) + 1)
        return self.range(place, place)
