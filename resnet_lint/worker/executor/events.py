"""What the engine tells the front, one JSON object a line."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TextIO


class Events:
    """Writes events to a stream. A front that has gone ends the engine with a BrokenPipeError."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, event: str, value: Any) -> None:
        """Write an event; a record goes as the object of its fields."""
        fields = dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
        self._stream.write(json.dumps({"event": event, "value": fields}) + "\n")

    def progress(self, phase: str, done: int = 0, total: int = 0) -> None:
        """Say what is being done, and how far it has come; a total of 0 means that nobody knows."""
        self.send("progress", {"phase": phase, "done": done, "total": total})
