"""Notebooks in the language server, over the wire: findings, fixes and shapes are in the cells."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

from language_client import Client, applied, editor
from lsprotocol import types

SETUP = "%matplotlib inline\nimport torch\nfrom torch import nn"
BLOCK = """\
class Block(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)"""
CALL = "Block(8, 16)(torch.randn(2, 8, 16, 16))"
ADDITION = 6  # the line in its cell


def test_a_notebook_is_checked_as_one_text(tmp_path: Path) -> None:
    asyncio.run(_session(tmp_path))


async def _session(folder: Path) -> None:
    path = folder / "lesson.ipynb"
    path.write_text(json.dumps({"cells": []}))  # what is open is not saved
    async with editor(folder) as client:
        setup, block, call = _opened(client, path, SETUP, BLOCK, CALL)
        [finding] = await client.codes(block, "RL101", saying="fix (verified)")
        assert (finding.range.start.line, finding.range.start.character) == (ADDITION, 15)
        assert [client.diagnostics[uri] for uri in (setup, call)] == [[], []]
        causes = finding.related_information or ()
        assert {cause.location.uri for cause in causes} <= {setup, block, call}

        actions = await client.actions(block, ADDITION)
        assert await client.actions(setup, 2) == {}
        [fix] = [action for title, action in actions.items() if title.startswith("Fix RL101: ")]
        assert fix.edit is not None and fix.edit.changes is not None
        assert list(fix.edit.changes) == [block]
        fixed = applied(BLOCK, list(fix.edit.changes[block]))
        assert "self.shortcut(x) + self.conv(x)" in fixed

        document = types.TextDocumentIdentifier(block)
        hover: Any = await client.connection.text_document_hover_async(
            types.HoverParams(document, types.Position(ADDITION, 20))
        )
        assert "(2, 16, 16, 16)" in hover.contents.value
        lenses: Any = await client.connection.text_document_code_lens_async(types.CodeLensParams(document))
        assert [lens.range.start.line for lens in lenses] == [0]

        _typed(client, path, block, fixed)
        await client.codes(block)
        _typed(client, path, block, BLOCK)
        await client.codes(block, "RL101")
        _removed(client, path, 2)  # the call: inputs are guessed, and the width too
        await client.codes(block)
        assert client.messages == []


def _opened(client: Client, path: Path, *sources: str) -> list[str]:
    """Open a notebook with a text cell in front of these cells; returns their URIs."""
    uris = [f"notebook-cell:{path}#{number}" for number in range(len(sources))]
    cells = [types.NotebookCell(types.NotebookCellKind.Code, uri) for uri in uris]
    texts = [types.TextDocumentItem(uri, "python", 1, text) for uri, text in zip(uris, sources, strict=True)]
    notebook = types.NotebookDocument(path.as_uri(), "jupyter-notebook", 1, cells)
    client.connection.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, texts))
    return uris


def _typed(client: Client, path: Path, uri: str, text: str) -> None:
    change = types.TextDocumentContentChangeWholeDocument(text)
    content = types.NotebookDocumentCellContentChanges(types.VersionedTextDocumentIdentifier(2, uri), [change])
    _changed(client, path, types.NotebookDocumentCellChanges(text_content=[content]))


def _removed(client: Client, path: Path, number: int) -> None:
    closed = [types.TextDocumentIdentifier(f"notebook-cell:{path}#{number}")]
    structure = types.NotebookDocumentCellChangeStructure(
        types.NotebookCellArrayChange(number, 1, []), did_close=closed
    )
    _changed(client, path, types.NotebookDocumentCellChanges(structure=structure))


def _changed(client: Client, path: Path, cells: types.NotebookDocumentCellChanges) -> None:
    identifier = types.VersionedNotebookDocumentIdentifier(2, path.as_uri())
    event = types.NotebookDocumentChangeEvent(cells=cells)
    client.connection.notebook_document_did_change(types.DidChangeNotebookDocumentParams(identifier, event))
