"""What the executor is doing, for a terminal; on no terminal it says nothing."""

from __future__ import annotations

import shutil
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_CLEAR = "\r\x1b[2K"


class Status:
    """Shows what is being done on one line of a stream: in words, or as a bar with the time left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: ProgressBar[Any] | None = None

    def __enter__(self) -> Status:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress("")

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """Replace the line. With a total, it is a bar; `done` counts from the first of its steps."""
        if not self._stream.isatty():
            return
        if not total:
            self._stream.write(_CLEAR + text[: shutil.get_terminal_size().columns - 1])
            self._stream.flush()
            return
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=text, file=self._stream, show_pos=True)
            self._bar.pos = done - 1  # what was done before --resume says nothing of the time left
        self._bar.update(done - self._bar.pos)
