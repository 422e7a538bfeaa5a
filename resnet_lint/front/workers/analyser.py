"""What answers the front's requests: the workers, or the cache in front of them."""

from __future__ import annotations

from typing import Protocol

from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest, Interpreter


class Analyser(Protocol):
    """Analyses files, from any number of threads. `interpreter` loads the models; None until a first file came."""

    @property
    def interpreter(self) -> Interpreter | None: ...

    def analyse(self, request: CheckRequest) -> FileReport: ...
