"""The language server, over the wire: one server, which an editor uses for a while."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

from language_client import applied, editor
from lsprotocol import types
from one_block import one_block

BLOCK = one_block(16, '"😀"')
FAULT = BLOCK.replace("Block(16, 16)", "Block(16, 32)")
ADDITION = BLOCK.splitlines().index('        return x + self.conv(x)  # "😀"')


def test_an_editor_shows_findings_fixes_and_shapes(tmp_path: Path) -> None:
    asyncio.run(_session(tmp_path))


async def _session(folder: Path) -> None:
    path = folder / "model.py"
    path.write_text(BLOCK)
    async with editor(folder, inlayHints=True) as client:
        uri = client.open(path, FAULT)  # not saved
        [finding] = await client.codes(uri, "RL101", saying="fix (verified)")
        assert (finding.range.start.line, finding.range.start.character) == (ADDITION, 15)
        assert finding.severity == types.DiagnosticSeverity.Error

        actions = await client.actions(uri, ADDITION)
        [fix] = [action for title, action in actions.items() if title.startswith("Fix RL101: ")]
        fixed = applied(FAULT, _edits(fix))
        assert "self.shortcut(x) + self.conv(x)" in fixed
        ignored = applied(FAULT, _edits(actions["Ignore RL101 on this line"]))
        assert 'self.conv(x)  # "😀"  # resnet-lint: ignore[RL101]\n' in ignored
        assert any(title.startswith("Explain RL101: ") for title in actions)

        [every] = (await client.actions(uri, 0, only="source.fixAll")).values()
        resolved = await client.connection.code_action_resolve_async(every)
        assert applied(FAULT, _edits(resolved)) == fixed

        client.type(uri, FAULT.replace("return self.block(x)", "return self.block("))  # does not parse
        await asyncio.sleep(0.5)
        assert [diagnostic.code for diagnostic in client.diagnostics[uri]] == ["RL101"]
        assert await client.actions(uri, ADDITION) == {}  # its edits belong to another text

        client.type(uri, ignored)
        await client.codes(uri)
        client.type(uri, fixed)
        await client.codes(uri)

        assert "conv" in await _hover(client, uri, fixed, "self.conv(x)")
        assert "`(2, 16, 32, 32)` → `(2, 32, 32, 32)`" in await _hover(client, uri, fixed, "self.conv(x)")
        assert "takes x: (N, 16, H, W), float32" in await _hover(client, uri, fixed, "class Net")
        lines = fixed.count("\n")
        place = types.Range(types.Position(0, 0), types.Position(lines, 0))
        document = types.TextDocumentIdentifier(uri)
        hints: Any = await client.connection.text_document_inlay_hint_async(types.InlayHintParams(document, place))
        assert "(2, 32, 32, 32)" in [hint.label for hint in hints]

        lenses: Any = await client.connection.text_document_code_lens_async(types.CodeLensParams(document))
        assert [lens.command.arguments[1] for lens in lenses] == ["Block", "Net"]
        command = lenses[1].command
        run = types.ExecuteCommandParams(command.command, command.arguments)
        assert "(2, 32, 32, 32)" in str(await client.connection.workspace_execute_command_async(run))

        client.connection.text_document_did_close(types.DidCloseTextDocumentParams(document))
        assert client.messages == []


async def _hover(client: Any, uri: str, text: str, at: str) -> str:
    line = next(number for number, line in enumerate(text.splitlines()) if at in line)
    params = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, 10))
    hover = await client.connection.text_document_hover_async(params)
    return str(hover.contents.value)


def _edits(action: types.CodeAction) -> list[Any]:
    assert action.edit is not None and action.edit.changes is not None
    [edits] = action.edit.changes.values()
    return list(edits)


@pytest.mark.parametrize(
    "sent", [b"", b"nonsense\r\n\r\n", b"Content-Length: 9\r\n\r\nnonsense!Content-Length: 2\r\n\r\n{}"]
)
def test_a_client_that_sends_nonsense_or_vanishes_ends_it(sent: bytes, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "resnet_lint", "server"]
    run = subprocess.run(command, input=sent, capture_output=True, cwd=tmp_path, timeout=60)
    assert run.returncode == 0
    assert b"Traceback" not in run.stderr


def test_without_pygls_it_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pygls'] = None; from resnet_lint.front.cli import main; main(['server'])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (run.returncode, run.stderr) == (
        2,
        'resnet-lint: this command needs an extra: pip install "resnet-lint[server]"\n',
    )
