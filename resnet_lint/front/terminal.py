"""Progress on one line of a terminal; shows nothing if the stream is not a terminal."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


def is_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal."""
    return stream.isatty()


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour output: yes with FORCE_COLOR, no with NO_COLOR, else if the stream is a terminal."""
    return bool(os.environ.get("FORCE_COLOR")) or (is_terminal(stream) and not os.environ.get("NO_COLOR"))


def noting(verbose: bool) -> Callable[[str], None]:
    """A function that writes a line to stderr with `--verbose`, and nothing without."""

    def note(text: str) -> None:
        if verbose:
            click.echo(f"resnet-lint: {text}", err=True)

    return note


_CLEAR = "\r\x1b[2K"


class Progress:
    """Shows how many of `total` files are done and which are in progress. Thread-safe.

    The line appears after `delay` seconds, on terminals only.
    """

    def __init__(self, stream: TextIO, delay: float = 2.0) -> None:
        self.total = 0
        self._stream = stream
        self._done = 0
        self._in_progress: list[str] = []
        self._visible = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(delay, self._appear)
        self._timer.daemon = True  # must not keep the process alive

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            if self._visible:
                self._write("")
            self._visible = False

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Show a file as in progress inside the with block, and as done after it."""
        with self._lock:
            self._in_progress.append(name)
            self._show()
        try:
            yield
        finally:
            with self._lock:
                self._in_progress.remove(name)
                self._done += 1
                self._show()

    def _appear(self) -> None:
        with self._lock:
            if not self._timer.finished.is_set():  # cancelled meanwhile
                self._visible = True
                self._show()

    def _show(self) -> None:
        if self._visible:
            self._write(f"{self._done}/{self.total} {', '.join(self._in_progress)}")

    def _write(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns
        self._stream.write(_CLEAR + text[: columns - 1])
        self._stream.flush()


class Status:
    """Shows the current step on one line of a stream: as text, or as a progress bar with the remaining time."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._visible = is_terminal(stream) and not quiet
        self._bar: ProgressBar[Any] | None = None

    def __enter__(self) -> Status:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress("")

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """Replace the line. With a total, show a progress bar; `done` includes the steps before --resume."""
        if not self._visible:
            return
        if not total:
            self._stream.write(_CLEAR + text[: shutil.get_terminal_size().columns - 1])
            self._stream.flush()
            return
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=text, file=self._stream, show_pos=True)
            self._bar.pos = done - 1  # steps before --resume must not affect the remaining time
        self._bar.update(done - self._bar.pos)
