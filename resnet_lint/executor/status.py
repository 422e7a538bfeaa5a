"""One line on a terminal that says what the executor is doing; on no terminal it says nothing."""

from __future__ import annotations

import shutil
from types import TracebackType
from typing import TextIO

_CLEAR = "\r\x1b[2K"


class Status:
    """Shows the latest text on a stream while the block runs, and takes it away at its end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Status:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.say("")

    def say(self, text: str) -> None:
        """Replace the line."""
        if self._stream.isatty():
            self._stream.write(_CLEAR + text[: shutil.get_terminal_size().columns - 1])
            self._stream.flush()
