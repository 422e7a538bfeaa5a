"""The journal of a scan: what is done, so that a scan that was killed can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from resnet_lint.shared.records.requests import Interpreter
from resnet_lint.shared.wire import WireError, from_json, to_json

from ..check.part import FileResult
from ..check.shards import Name

Entry = tuple[FileResult, Interpreter | None]
"""The result for a file, with the interpreter that loaded its models."""


class Journal:
    """Appends results to a file as they come; one line per file, complete or ignored. A context manager."""

    def __init__(self, file: Path) -> None:
        self._path = file
        self._file: TextIO | None = None

    def __enter__(self) -> Journal:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self._path, "a", encoding="utf-8")
        self._file.write("\n")  # ends the line of a writer that was killed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, repository: str, result: FileResult, interpreter: Interpreter | None) -> None:
        """Record a result, on disk when this returns."""
        assert self._file is not None, "a journal is used inside its with block"
        entry = {
            "repository": repository,
            "result": to_json(result),
            "interpreter": interpreter and to_json(interpreter),
        }
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read_journal(file: Path) -> Mapping[tuple[str, Name], Entry]:
    """The results by repository and name. Lines that are not complete are ignored."""
    return dict(_entries(file)) if file.exists() else {}


def _entries(file: Path) -> Iterator[tuple[tuple[str, Name], Entry]]:
    with open(file, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield _entry(json.loads(line))
            except (KeyError, TypeError, ValueError, WireError):
                continue


def _entry(data: Any) -> tuple[tuple[str, Name], Entry]:
    result = from_json(FileResult, data["result"])
    interpreter = from_json(Interpreter, data["interpreter"]) if data["interpreter"] is not None else None
    return (data["repository"], result.name), (result, interpreter)
