"""The open documents: checks them when they change, and keeps the last result of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from resnet_lint.shared.errors import ResnetLintError
from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.reports import Run

from ..exit import fault_line
from ..source.contents import read_content
from ..source.outline import ClassOutline, Outline, Unreadable
from ..warm_checks import Superseded, Text, WarmChecks
from ..workers.in_order import usable_cores
from .notebooks import PLAIN, Cells

# The delay between the last keystroke and the check.
_TYPING_SECONDS = 0.15

# A check that takes longer than this is preceded by a quick one.
_LONG_SECONDS = 0.5


@dataclass(frozen=True)
class Result:
    """The result of the check of a text."""

    text: str
    run: Run

    @property
    def reads(self) -> frozenset[str]:
        """The files that it depends on."""
        return frozenset(path for report in self.run.files for path in report.reads or {})

    @property
    def seconds(self) -> float:
        """The duration of the check in the worker."""
        return sum(report.seconds or 0.0 for report in self.run.files)

    def has_all(self, run: Run) -> bool:
        """Whether it has all findings of a run, maybe at other lines."""
        known = {(finding.rule, finding.message) for finding in self.run.findings}
        return all((finding.rule, finding.message) in known for finding in run.findings)


@dataclass(eq=False)
class Document:
    """An open document. `edition` counts the changes; `result` is the last one, maybe of an earlier text.

    The text of a notebook is that of its `cells`; other documents have none.
    """

    uri: str
    path: Path
    text: str
    cells: Cells = PLAIN
    edition: int = 0
    result: Result | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    traces: dict[tuple[str, str | None], asyncio.Future[ModelTrace]] = field(default_factory=dict)

    @property
    def current(self) -> Result | None:
        """The result of the current text; None if there is none yet."""
        return self.result if self.result is not None and self.result.text == self.text else None

    @property
    def classes(self) -> tuple[ClassOutline, ...]:
        """The classes in the text that may be models; none if it does not parse."""
        outline = _outline(self.path, self.text)
        return outline.classes if isinstance(outline, Outline) else ()


class Documents:
    """Checks documents in threads. `show` gets a document with a new result, `complain` the reason of a failure."""

    def __init__(self, checks: WarmChecks, show: Callable[[Document], None], complain: Callable[[str], None]) -> None:
        self._checks = checks
        self._show = show
        self._complain = complain
        self._pool = ThreadPoolExecutor(usable_cores())
        self._tasks: set[asyncio.Task[None]] = set()
        self.by_uri: dict[str, Document] = {}

    def close(self) -> None:
        """Stop all checks."""
        for document in self.by_uri.values():
            document.edition += 1
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._checks.close()

    def at(self, uri: str) -> tuple[Document, int] | None:
        """The document with a URI, or with a cell that has it, and the first line of this in its text, from 0."""
        if uri in self.by_uri:
            return self.by_uri[uri], 0
        cells = ((document, document.cells.first_line(uri)) for document in self.by_uri.values())
        return next(((document, first) for document, first in cells if first is not None), None)

    def open(self, uri: str, path: Path, text: str, cells: Cells = PLAIN) -> None:
        """Check a document that was opened."""
        document = self.by_uri[uri] = Document(uri, path, text, cells)
        self._schedule(document, 0.0)

    def change(self, uri: str, text: str, cells: Cells = PLAIN) -> None:
        """Check a document while its text is typed; the last result is kept while the text does not parse."""
        document = self.by_uri.get(uri)
        if document is not None:
            document.text, document.cells = text, cells
            self._schedule(document, _TYPING_SECONDS)

    def save(self, uri: str) -> None:
        """Check a document that was saved, and those that depend on its file."""
        document = self.by_uri.get(uri)
        if document is not None:
            self._schedule(document, 0.0)
            self.file_changed(document.path)

    def file_changed(self, path: Path) -> None:
        """Check the documents that depend on a file."""
        for document in self.by_uri.values():
            document.traces.clear()
            if document.path != path and document.result is not None and str(path) in document.result.reads:
                self._schedule(document, 0.0)

    def forget(self, uri: str) -> Document | None:
        """Stop checking a document that was closed."""
        document = self.by_uri.pop(uri, None)
        if document is not None:
            document.edition += 1
        return document

    async def trace(self, document: Document, only_class: str | None) -> ModelTrace:
        """The trace of a class or of the main model of the current text. Raises ResnetLintError."""
        key = document.text, only_class
        if key not in document.traces:
            document.traces = {known: trace for known, trace in document.traces.items() if known[0] == document.text}
            call = partial(self._checks.trace, Text(document.path, document.text, only_class))
            document.traces[key] = asyncio.get_running_loop().run_in_executor(self._pool, call)
        return await asyncio.shield(document.traces[key])

    async def fixed(self, document: Document) -> str | None:
        """The current text with all safe fixes; None if there are none. Raises ResnetLintError."""
        call = partial(self._checks.fixed, Text(document.path, document.text))
        rewrite = await asyncio.get_running_loop().run_in_executor(self._pool, call)
        return None if rewrite is None else rewrite.after

    def _schedule(self, document: Document, delay: float) -> None:
        document.edition += 1
        task = asyncio.get_running_loop().create_task(self._check(document, document.edition, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, document: Document, edition: int, delay: float) -> None:
        await asyncio.sleep(delay)
        async with document.lock:  # one check of a document at a time, so that fast typing doesn't pile them up
            if document.edition != edition:
                return
            text = document.text
            if delay and isinstance(_outline(document.path, text), Unreadable):
                return
            try:
                run = await self._run(document, edition, text)
                self._found(document, edition, text, run)
            except Superseded:
                pass
            except ResnetLintError as error:
                self._complain(str(error))
            except Exception as error:
                self._complain(fault_line(error, document.path.name))

    async def _run(self, document: Document, edition: int, text: str) -> Run:
        loop = asyncio.get_running_loop()

        def found(run: Run, is_complete: bool) -> None:
            if is_complete or document.result is None or not document.result.has_all(run):
                loop.call_soon_threadsafe(self._found, document, edition, text, run)

        def is_current() -> bool:
            return document.edition == edition

        is_long = document.result is None or document.result.seconds > _LONG_SECONDS
        check = partial(self._checks.check, is_current=is_current, found=found, quick_first=is_long)
        call = partial(check, Text(document.path, text))
        return await loop.run_in_executor(self._pool, call)

    def _found(self, document: Document, edition: int, text: str, run: Run) -> None:
        if document.edition == edition:
            document.result = Result(text, run)
            self._show(document)
            for fault in run.faults:
                self._complain(fault)


def class_at(document: Document, line: int) -> str | None:
    """The innermost class around a line, from 1; None outside of classes."""
    around = [cls.name for cls in document.classes if cls.first_line <= line <= cls.end_line]
    return around[-1] if around else None


def _outline(path: Path, text: str) -> Outline | Unreadable:
    data = Text(path, text).as_file.data
    return read_content(path, data).outline
