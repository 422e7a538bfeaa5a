"""Replaces the worker process in tests of the command line: no model is loaded."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Self

import pytest
from sample_runs import INTERPRETER, span

from resnet_lint.shared.records.findings import Finding, Severity
from resnet_lint.shared.records.reports import ClassStatus, FileReport
from resnet_lint.shared.records.requests import CheckRequest, Interpreter


class FakeWorkers:
    """Finds on line 4 of each file what the test tells it to find."""

    def __init__(self) -> None:
        self.requests: list[CheckRequest] = []
        self.severity: Severity | None = None
        self.code = "XX103"
        self.error: BaseException | None = None
        self.interpreter: Interpreter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def analyse(self, request: CheckRequest) -> FileReport:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        self.interpreter = INTERPRETER
        place = span(Path(request.path), 4, 1, 4, 6)
        found = [Finding(self.code, "fake", self.severity, "it is wrong", place)] if self.severity else []
        return FileReport(request.path, tuple(found), (ClassStatus(request.path, "Net", 4, "checked"),))


def stand_in(fake: FakeWorkers, monkeypatch: pytest.MonkeyPatch) -> FakeWorkers:
    """The fake, which every command line from now on works with."""
    monkeypatch.setattr("resnet_lint.front.workers.worker_client.WorkerClient", lambda choose, provide: fake)
    monkeypatch.setattr(
        "resnet_lint.front.workers.answer_cache.Cache", lambda analyser, choose, **_: nullcontext(analyser)
    )
    return fake
