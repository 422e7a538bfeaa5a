"""The language server: connects the protocol to the open documents."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from resnet_lint import __version__
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.errors import ResnetLintError, UsageError
from resnet_lint.shared.notebook import is_notebook
from resnet_lint.shared.records.findings import Finding

from ..options.configuration import Given
from ..rules_command import page_text
from ..trace.report import TraceView, render
from ..warm_checks import WarmChecks
from .code_actions import FIX_ALL, QUICK_FIX, SHOW_RULE, differences, quick_fixes
from .diagnostics import Diagnostics, Shown
from .documents import Document, Documents, class_at
from .notebooks import PLAIN, SYNC, Cells, moved, text_of
from .positions import ClientText
from .shapes import hints, hover_at, hover_of_class

SHOW_TRACE = "resnet-lint.trace"


def serve(given: Given) -> None:
    """Serve a client on standard input and output until it exits or closes them.

    `given` are the settings of the command line. The initialization option `inlayHints` turns these on.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # errors are reported to the client
    with tempfile.TemporaryDirectory(prefix="resnet-lint-") as pages:
        server = LanguageServer("resnet-lint", __version__, notebook_document_sync=SYNC)
        features = Features(server, WarmChecks(given), Path(pages))
        try:
            features.server.start_io()
        finally:
            features.close()


class Features:
    """The features of the server, by their methods of the protocol. `pages` is a folder for texts to be shown."""

    def __init__(self, server: LanguageServer, checks: WarmChecks, pages: Path) -> None:
        self.server = server
        self._documents = Documents(checks, self._show, self._complain)
        self._shown = Shown()
        self._rules = load_rules()
        self._pages = pages
        self._complaints: set[str] = set()
        self._has_hints = False
        kinds = [QUICK_FIX, FIX_ALL]
        for method, feature, options in (
            (types.INITIALIZE, self.initialize, None),
            (types.TEXT_DOCUMENT_DID_OPEN, self.did_open, None),
            (types.TEXT_DOCUMENT_DID_CHANGE, self.did_change, None),
            (types.TEXT_DOCUMENT_DID_SAVE, self.did_save, None),
            (types.TEXT_DOCUMENT_DID_CLOSE, self.did_close, None),
            (types.NOTEBOOK_DOCUMENT_DID_OPEN, self.did_open_notebook, None),
            (types.NOTEBOOK_DOCUMENT_DID_CHANGE, self.did_change_notebook, None),
            (types.NOTEBOOK_DOCUMENT_DID_SAVE, self.did_save_notebook, None),
            (types.NOTEBOOK_DOCUMENT_DID_CLOSE, self.did_close_notebook, None),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self.did_change_files, None),
            (types.TEXT_DOCUMENT_CODE_ACTION, self.code_actions, types.CodeActionOptions(kinds, resolve_provider=True)),
            (types.CODE_ACTION_RESOLVE, self.resolve_code_action, None),
            (types.TEXT_DOCUMENT_HOVER, self.hover, None),
            (types.TEXT_DOCUMENT_INLAY_HINT, self.inlay_hints, None),
            (types.TEXT_DOCUMENT_CODE_LENS, self.code_lenses, None),
        ):
            server.feature(method, options)(partial(feature))  # pygls sets attributes, which methods don't have
        server.command(SHOW_TRACE)(partial(self.show_trace))
        server.command(SHOW_RULE)(partial(self.show_rule))

    def close(self) -> None:
        """Stop the checks and the workers."""
        self._documents.close()

    def initialize(self, params: types.InitializeParams) -> None:
        self._has_hints = bool(_option(params.initialization_options, "inlayHints"))

    def did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        path = uris.to_fs_path(params.text_document.uri)
        if path is not None and path.endswith(".py"):
            self._documents.open(params.text_document.uri, Path(path), params.text_document.text)

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        self._documents.change(uri, self.server.workspace.get_text_document(uri).source)

    def did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        self._documents.save(params.text_document.uri)

    def did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        document = self._documents.forget(params.text_document.uri)
        if document is not None:
            self._publish(document, {})

    def did_open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> None:
        uri = params.notebook_document.uri
        path = uris.to_fs_path(uri)
        if path is not None and is_notebook(path):
            self._documents.open(uri, Path(path), *self._notebook(uri))

    def did_change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> None:
        uri = params.notebook_document.uri
        if uri in self._documents.by_uri:
            text, cells = self._notebook(uri)
            removed = dict(self._documents.by_uri[uri].cells.starts).keys() - dict(cells.starts)
            self._documents.change(uri, text, cells)
            for cell in removed:
                self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(cell, []))

    def did_save_notebook(self, params: types.DidSaveNotebookDocumentParams) -> None:
        self._documents.save(params.notebook_document.uri)

    def did_close_notebook(self, params: types.DidCloseNotebookDocumentParams) -> None:
        document = self._documents.forget(params.notebook_document.uri)
        if document is not None:
            self._publish(document, {})

    def _notebook(self, uri: str) -> tuple[str, Cells]:
        workspace = self.server.workspace
        notebook = workspace.get_notebook_document(notebook_uri=uri)
        if notebook is None:
            return "", PLAIN
        return text_of(notebook, lambda cell: workspace.get_text_document(cell).source)

    def did_change_files(self, params: types.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            path = uris.to_fs_path(change.uri)
            if path is not None:
                self._documents.file_changed(Path(path))

    def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        document, offset = self._documents.at(params.text_document.uri) or (None, 0)
        if document is None or document.current is None:
            return []
        wanted = params.context.only
        first, last = params.range.start.line + 1 + offset, params.range.end.line + 1 + offset
        actions: list[types.CodeAction] = []
        for finding in _in_document(document):
            if set(finding.span.lines) & set(range(first, last + 1)) and _is_wanted(QUICK_FIX, wanted):
                actions += self._quick_fixes(document, finding)
        has_fixes = any(finding.fix is not None and finding.fix.edits for finding in _in_document(document))
        if has_fixes and not document.cells.starts and _is_wanted(FIX_ALL, wanted):
            actions.append(types.CodeAction("Apply all safe fixes of resnet-lint", FIX_ALL, data=document.uri))
        return actions

    async def resolve_code_action(self, action: types.CodeAction) -> types.CodeAction:
        """Add the edits of all fixes, which take several checks."""
        document = self._documents.by_uri.get(str(action.data))
        if document is not None:
            before = document.text
            after = await self._documents.fixed(document)
            text = self._client_text(before)
            action.edit = self._edit(document, [] if after is None else differences(before, after, text))
        return action

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        document, offset = self._documents.at(params.text_document.uri) or (None, 0)
        if document is None:
            return None
        line = params.position.line + 1 + offset
        try:
            trace = await self._documents.trace(document, class_at(document, line))
        except ResnetLintError:
            return None  # the findings say why
        is_head = line in {cls.line for cls in document.classes}
        text = hover_of_class(trace) if is_head else hover_at(trace, line)
        return None if text is None else types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text))

    async def inlay_hints(self, params: types.InlayHintParams) -> list[types.InlayHint]:
        document, offset = self._documents.at(params.text_document.uri) or (None, 0)
        if document is None or not self._has_hints:
            return []
        first, last = params.range.start.line + 1 + offset, params.range.end.line + 1 + offset
        text, found = self._client_text(document.text), dict[int, str]()
        for cls in document.classes:
            if cls.first_line <= last and first <= cls.end_line:
                try:
                    trace = await self._documents.trace(document, cls.name)
                except ResnetLintError:
                    continue
                found |= hints(trace, max(first, cls.first_line), min(last, cls.end_line))
        return [
            types.InlayHint(moved(text.end_of_line(line), -offset).start, shape, padding_left=True)
            for line, shape in sorted(found.items())
            if line <= len(text.lines)
        ]

    def code_lenses(self, params: types.CodeLensParams) -> list[types.CodeLens]:
        document, offset = self._documents.at(params.text_document.uri) or (None, 0)
        if document is None:
            return []
        text = self._client_text(document.text)
        return [
            types.CodeLens(
                moved(text.end_of_line(cls.line), -offset), _command("trace", SHOW_TRACE, document.uri, cls.name)
            )
            for cls in document.classes
            if not document.cells.starts or document.cells.around(cls.line - 1)[0] == params.text_document.uri
        ]

    async def show_trace(self, uri: str, name: str) -> str:
        """Show the shapes of a class, stage by stage; returns them too."""
        document = self._documents.by_uri.get(uri)
        if document is None:
            raise UsageError(f"{uri} is not open")
        trace = await self._documents.trace(document, name)
        text = render("table", trace, TraceView(document.path.parent, form="nchw"))
        await self._show_page(f"{document.path.stem}-{name}.txt", text)
        return text

    async def show_rule(self, code: str) -> str:
        """Show the page of a rule; returns it too."""
        text = page_text(code, self._rules)
        await self._show_page(f"{code}.txt", text)
        return text

    async def _show_page(self, name: str, text: str) -> None:
        window = self.server.client_capabilities.window
        if window is None or window.show_document is None or not window.show_document.support:
            return
        page = self._pages / name
        page.write_text(text, encoding="utf-8")
        await self.server.window_show_document_async(types.ShowDocumentParams(page.as_uri(), take_focus=True))

    def _quick_fixes(self, document: Document, finding: Finding) -> Iterator[types.CodeAction]:
        text, diagnostic = self._client_text(document.text), self._diagnostics().of(finding)
        if document.cells.starts:
            _, diagnostic = document.cells.diagnostic(diagnostic, str(document.path))
        for title, preferred, edits in quick_fixes(finding, document.text):
            edit = self._edit(document, [text.edit(edit) for edit in edits])
            yield types.CodeAction(title, QUICK_FIX, [diagnostic], is_preferred=preferred, edit=edit)
        page = _command(f"Explain {finding.rule}: {finding.name}", SHOW_RULE, finding.rule)
        yield types.CodeAction(page.title, QUICK_FIX, [diagnostic], command=page)

    def _edit(self, document: Document, edits: list[types.TextEdit]) -> types.WorkspaceEdit:
        """An edit of a document, for this version of it only if the client supports versions."""
        by_uri = {document.uri: edits} if not document.cells.starts else self._in_cells(document, edits)
        workspace = self.server.client_capabilities.workspace
        if workspace is None or workspace.workspace_edit is None or not workspace.workspace_edit.document_changes:
            return types.WorkspaceEdit(changes=by_uri)
        return types.WorkspaceEdit(
            document_changes=[types.TextDocumentEdit(self._version(uri), edits) for uri, edits in by_uri.items()]
        )

    def _version(self, uri: str) -> types.OptionalVersionedTextDocumentIdentifier:
        return types.OptionalVersionedTextDocumentIdentifier(uri, self.server.workspace.get_text_document(uri).version)

    def _in_cells(self, document: Document, edits: list[types.TextEdit]) -> dict[str, list[types.TextEdit]]:
        by_uri: dict[str, list[types.TextEdit]] = {}
        for edit in edits:
            uri, own = document.cells.edit(edit, self._client_text(document.text))
            by_uri.setdefault(uri, []).append(own)
        return by_uri

    def _show(self, document: Document) -> None:
        if document.result is not None:
            self._publish(document, self._diagnostics().by_path(document.result.run.findings))

    def _publish(self, document: Document, by_path: dict[str, list[types.Diagnostic]]) -> None:
        open_ = {str(other.path): other for other in (*self._documents.by_uri.values(), document)}
        for path, diagnostics in self._shown.replace(str(document.path), by_path).items():
            if path in open_ and open_[path].cells.starts:
                self._publish_cells(open_[path].cells, path, diagnostics)
                continue
            uri = open_[path].uri if path in open_ else uris.from_fs_path(path)
            self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(str(uri), diagnostics))

    def _publish_cells(self, cells: Cells, path: str, diagnostics: list[types.Diagnostic]) -> None:
        by_cell: dict[str, list[types.Diagnostic]] = {uri: [] for uri, _ in cells.starts}
        for diagnostic in diagnostics:
            uri, own = cells.diagnostic(diagnostic, path)
            by_cell[uri].append(own)
        for uri, own_ones in by_cell.items():
            self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, own_ones))

    def _complain(self, text: str) -> None:
        """Show a message, once."""
        if text not in self._complaints:
            self._complaints.add(text)
            message = types.ShowMessageParams(types.MessageType.Warning, f"resnet-lint: {text}")
            self.server.window_show_message(message)

    def _diagnostics(self) -> Diagnostics:
        texts = {str(document.path): document.text for document in self._documents.by_uri.values()}
        return Diagnostics(self._rules, texts, self.server.workspace.position_codec)

    def _client_text(self, text: str) -> ClientText:
        return ClientText(text, self.server.workspace.position_codec)


def _command(title: str, name: str, *arguments: str) -> types.Command:
    return types.Command(title=title, command=name, arguments=list(arguments))


def _in_document(document: Document) -> list[Finding]:
    """The findings in the current text of a document, not in the files that it imports."""
    findings = document.current.run.findings if document.current is not None else ()
    return [finding for finding in findings if finding.span.path == str(document.path)]


def _is_wanted(kind: str, wanted: Any) -> bool:
    """Whether the client asked for a kind of action: it names kinds, or kinds that contain it, or none."""
    return not wanted or any(kind == str(asked) or kind.startswith(f"{asked}.") for asked in wanted)


def _option(options: Any, name: str) -> Any:
    return options.get(name) if isinstance(options, Mapping) else getattr(options, name, None)
