"""The interface for checking files: implemented by the worker client and by the cache."""

from __future__ import annotations

from typing import Protocol

from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest, Interpreter


class Analyser(Protocol):
    """Checks files. Thread-safe. `interpreter` loads the models; it is None before the first file."""

    @property
    def interpreter(self) -> Interpreter | None: ...

    def analyse(self, request: CheckRequest) -> FileReport: ...
