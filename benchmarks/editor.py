"""The time from a keystroke to the diagnostics in an editor, over the wire.

    python benchmarks/editor.py FILE [EDITS] [PYTHON]

Opens the file in the language server, then inserts a comment at a random line, EDITS times. Prints the median and the
maximum of the seconds until the next diagnostics arrive, which include the 0.15 s in which the server waits for more
keystrokes, and the processor time of `import torch`. PYTHON is the interpreter that has torch.
"""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient


class Editor:
    """A client that counts the published diagnostics."""

    def __init__(self) -> None:
        self.client: Any = LanguageClient("benchmark", "1")
        self.published = asyncio.Event()
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(partial(self._publish))
        self.client.feature(types.WINDOW_SHOW_MESSAGE)(partial(self._message))

    def _publish(self, params: types.PublishDiagnosticsParams) -> None:
        self.published.set()

    def _message(self, params: types.ShowMessageParams) -> None:
        print(params.message)

    async def seconds(self, send: Any) -> float:
        """The seconds from a message to the next diagnostics."""
        self.published.clear()
        began = time.perf_counter()
        send()
        await asyncio.wait_for(self.published.wait(), 300)
        return time.perf_counter() - began


async def measure(path: Path, edits: int, python: str | None) -> None:
    """Print the times of a session."""
    text, editor = path.read_text(), Editor()
    options = [] if python is None else ["--python", python]
    await editor.client.start_io(sys.executable, "-m", "resnet_lint", "server", *options)
    await editor.client.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities()))
    uri = path.as_uri()
    item = types.TextDocumentItem(uri, "python", 0, text)
    opened = partial(editor.client.text_document_did_open, types.DidOpenTextDocumentParams(item))
    print(f"opened: {await editor.seconds(opened):.2f} s")
    taken, lines = [], text.splitlines(keepends=True)
    for version in range(1, edits + 1):
        at = random.Random(version).randrange(len(lines))
        edited = "".join([*lines[:at], f"# {version}\n", *lines[at:]])
        change = types.TextDocumentContentChangeWholeDocument(edited)
        document = types.VersionedTextDocumentIdentifier(version, uri)
        typed = types.DidChangeTextDocumentParams(document, [change])
        taken.append(await editor.seconds(partial(editor.client.text_document_did_change, typed)))
        await asyncio.sleep(0.3)
    print(f"{edits} edits: median {statistics.median(taken):.2f} s, maximum {max(taken):.2f} s")
    await editor.client.shutdown_async(None)
    editor.client.exit(None)
    await editor.client.stop()


def import_torch(python: str) -> float:
    """The processor seconds of `import torch`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([python, "-c", "import torch"], check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


if __name__ == "__main__":
    file, number, python = (*sys.argv[1:], *[None] * 3)[:3]
    asyncio.run(measure(Path(str(file)).absolute(), int(number or 50), python))
    print(f"import torch: {import_torch(python or sys.executable):.2f} s of processor time")
