"""One line on a terminal that says what is being analysed, once the work takes long enough to wonder."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

_CLEAR = "\r\x1b[2K"


class Progress:
    """Shows how many of `total` files are done and which are at work, for any number of threads.

    The line appears after `delay` seconds, and on a terminal only.
    """

    def __init__(self, stream: TextIO, delay: float = 2.0) -> None:
        self.total = 0
        self._stream = stream
        self._done = 0
        self._at_work: list[str] = []
        self._visible = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(delay, self._appear)
        self._timer.daemon = True  # never keeps the process alive

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
        """While the block runs, the file of this name is at work; then it is done."""
        with self._lock:
            self._at_work.append(name)
            self._show()
        try:
            yield
        finally:
            with self._lock:
                self._at_work.remove(name)
                self._done += 1
                self._show()

    def _appear(self) -> None:
        with self._lock:
            if not self._timer.finished.is_set():  # it was cancelled in the last moment
                self._visible = True
                self._show()

    def _show(self) -> None:
        if self._visible:
            self._write(f"{self._done}/{self.total} {', '.join(self._at_work)}")

    def _write(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns
        self._stream.write(_CLEAR + text[: columns - 1])
        self._stream.flush()
