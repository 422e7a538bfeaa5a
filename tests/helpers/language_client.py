"""A client of the language server, over the wire: the server is a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

_SECONDS = 120.0


class Client:
    """An editor with one document. `diagnostics` are the last ones by URI."""

    def __init__(self, client: LanguageClient) -> None:
        self.connection = client
        self.diagnostics: dict[str, list[types.Diagnostic]] = {}
        self.messages: list[str] = []
        self._published = asyncio.Condition()
        self._version = 0
        client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(partial(self._publish))
        client.feature(types.WINDOW_SHOW_MESSAGE)(partial(self._message))

    def open(self, path: Path, text: str) -> str:
        """Open a document whose text may differ from its file; returns its URI."""
        item = types.TextDocumentItem(path.as_uri(), "python", self._next(), text)
        self.connection.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return str(item.uri)

    def type(self, uri: str, text: str) -> None:
        """Replace the text of a document."""
        document = types.VersionedTextDocumentIdentifier(self._next(), uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.connection.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    async def codes(self, uri: str, *wanted: str, saying: str = "") -> list[types.Diagnostic]:
        """Wait until a document has diagnostics with exactly these codes, and a message with this text."""

        def are_there() -> bool:
            found = self.diagnostics.get(uri)
            if found is None or [str(diagnostic.code) for diagnostic in found] != list(wanted):
                return False
            return not saying or any(saying in diagnostic.message for diagnostic in found)

        async with self._published:
            try:
                await asyncio.wait_for(self._published.wait_for(are_there), _SECONDS)
            except TimeoutError:
                raise AssertionError(f"{wanted}: {self.diagnostics}, {self.messages}") from None
        return self.diagnostics[uri]

    async def actions(self, uri: str, line: int, only: str | None = None) -> dict[str, types.CodeAction]:
        """The code actions at a line, from 0, by their titles."""
        place = types.Range(types.Position(line, 0), types.Position(line, 0))
        context = types.CodeActionContext([], only=None if only is None else [only])
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, context)
        found: Any = await self.connection.text_document_code_action_async(params)
        return {action.title: action for action in found or ()}

    def _next(self) -> int:
        self._version += 1
        return self._version

    async def _publish(self, params: types.PublishDiagnosticsParams) -> None:
        async with self._published:
            self.diagnostics[params.uri] = list(params.diagnostics)
            self._published.notify_all()

    def _message(self, params: types.ShowMessageParams) -> None:
        self.messages.append(params.message)


@asynccontextmanager
async def editor(folder: Path, **options: object) -> AsyncIterator[Client]:
    """A client of a new server with `folder` as its workspace; `options` are those of the initialization."""
    connection: Any = LanguageClient("tests", "1")
    client = Client(connection)
    await connection.start_io(sys.executable, "-m", "resnet_lint", "server", cwd=folder)
    params = types.InitializeParams(
        capabilities=types.ClientCapabilities(), root_uri=folder.as_uri(), initialization_options=dict(options)
    )
    await connection.initialize_async(params)
    connection.initialized(types.InitializedParams())
    yield client
    await connection.shutdown_async(None)
    connection.exit(None)
    await asyncio.wait_for(connection.stop(), _SECONDS)


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """A text with some edits, whose columns are UTF-16 units."""
    lines = text.splitlines(keepends=True)

    def index(place: types.Position) -> int:
        before = "".join(lines[place.line : place.line + 1]).encode("utf-16-le")[: 2 * place.character]
        return sum(map(len, lines[: place.line])) + len(before.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda edit: index(edit.range.start), reverse=True):
        text = text[: index(edit.range.start)] + edit.new_text + text[index(edit.range.end) :]
    return text
