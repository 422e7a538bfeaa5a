"""Events from the engine to the front, one JSON object per line."""

from __future__ import annotations

import json
from typing import Any, TextIO


class Events:
    """Writes events to a stream. If the front has exited, a BrokenPipeError ends the engine."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, event: str, value: Any) -> None:
        """Write an event; its value is JSON."""
        self._stream.write(json.dumps({"event": event, "value": value}) + "\n")

    def progress(self, phase: str, done: int = 0, total: int = 0) -> None:
        """Report the current phase and its progress; a total of 0 means unknown."""
        self.send("progress", {"phase": phase, "done": done, "total": total})
