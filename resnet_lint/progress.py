"""One line on a terminal that says what is being analysed, once the work takes long enough to wonder."""

from __future__ import annotations

import shutil
import threading
from types import TracebackType
from typing import TextIO

_CLEAR = "\r\x1b[2K"


class Progress:
    """Shows the latest text on a stream, `delay` seconds after it was entered; on no terminal it shows nothing."""

    def __init__(self, stream: TextIO, delay: float = 2.0) -> None:
        self._stream = stream
        self._text = ""
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

    def update(self, text: str) -> None:
        """Replace the line; before the delay has passed, only remember it."""
        with self._lock:
            self._text = text
            if self._visible:
                self._write(text)

    def _appear(self) -> None:
        with self._lock:
            if not self._timer.finished.is_set():  # it was cancelled in the last moment
                self._visible = True
                self._write(self._text)

    def _write(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns
        self._stream.write(_CLEAR + text[: columns - 1])
        self._stream.flush()
