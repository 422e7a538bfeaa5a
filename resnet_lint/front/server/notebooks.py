"""Notebooks: the code cells are checked as one text, and its places are shown in the cells."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

from lsprotocol import types
from pygls import uris

from resnet_lint.shared.notebook import joined

from .positions import ClientText

SYNC = types.NotebookDocumentSyncOptions(
    [
        types.NotebookDocumentFilterWithNotebook(
            notebook=types.NotebookDocumentFilterNotebookType("jupyter-notebook"),
            cells=[types.NotebookCellLanguage("python")],
        )
    ],
    save=True,
)


@dataclass(frozen=True)
class Cells:
    """The URIs of the code cells of a notebook, with their first lines in its text, from 0; a plain file has none."""

    starts: tuple[tuple[str, int], ...] = ()

    def first_line(self, uri: str) -> int | None:
        """The first line of a cell; None if there is no such cell."""
        return dict(self.starts).get(uri)

    def around(self, line: int) -> tuple[str, int]:
        """The cell with a line, and the first line of the cell."""
        return next((start for start in reversed(self.starts) if start[1] <= line), self.starts[0])

    def place(self, range: types.Range) -> tuple[str, types.Range]:
        """A range of the text in its cell."""
        uri, first = self.around(range.start.line)
        return uri, moved(range, -first)

    def edit(self, edit: types.TextEdit, text: ClientText) -> tuple[str, types.TextEdit]:
        """An edit of the text in its cell: lines that are inserted between two cells belong to the first one."""
        range, new_text = edit.range, edit.new_text
        line = range.start.line
        is_between = line > self.starts[0][1] and self.around(line)[1] == line
        if is_between and range.start == range.end and range.start.character == 0 and new_text.endswith("\n"):
            range, new_text = text.end_of_line(line), "\n" + new_text.removesuffix("\n")
        uri, range = self.place(range)
        return uri, types.TextEdit(range, new_text)

    def diagnostic(self, diagnostic: types.Diagnostic, path: str) -> tuple[str, types.Diagnostic]:
        """A diagnostic of the notebook at a path in its cell, with its causes in theirs."""
        uri, range = self.place(diagnostic.range)
        causes = [
            types.DiagnosticRelatedInformation(types.Location(*self.place(cause.location.range)), cause.message)
            if cause.location.uri == uris.from_fs_path(path)
            else cause
            for cause in diagnostic.related_information or ()
        ]
        own = copy(diagnostic)
        own.range, own.related_information = range, causes or None
        return uri, own


PLAIN = Cells()


def moved(range: types.Range, lines: int) -> types.Range:
    """A range some lines further down."""
    start, end = range.start, range.end
    return types.Range(
        types.Position(start.line + lines, start.character), types.Position(end.line + lines, end.character)
    )


def text_of(notebook: types.NotebookDocument, source_of: Callable[[str], str]) -> tuple[str, Cells]:
    """The text of a notebook as Python, and its cells."""
    code = [cell.document for cell in notebook.cells if cell.kind == types.NotebookCellKind.Code]
    python = joined([(number, source_of(uri)) for number, uri in enumerate(code, 1)])
    starts = [(uri, first - 1) for uri, (_, first) in zip(code, python.cells, strict=True)]
    return python.text, Cells(tuple(starts))
