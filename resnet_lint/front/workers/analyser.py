"""The interfaces for checking files and tracing models: implemented by the worker client and by the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.reports import FileReport, Fixed
from resnet_lint.shared.records.requests import CheckRequest, Interpreter, TraceRequest


class Analyser(Protocol):
    """Checks files. Thread-safe. `interpreter` loads the models; it is None before the first file."""

    @property
    def interpreter(self) -> Interpreter | None: ...

    def analyse(self, request: CheckRequest) -> FileReport: ...


@runtime_checkable
class Tracer(Protocol):
    """Traces models."""

    def trace(self, request: TraceRequest) -> ModelTrace: ...


@runtime_checkable
class FixCache(Protocol):
    """Caches fixes."""

    def fixes(self, request: CheckRequest, of: Any, make: Callable[[], Fixed]) -> Fixed: ...
