"""Requests a trace from the worker, and derives the exit code."""

from __future__ import annotations

from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.requests import TraceRequest

from ..named_model import Named
from ..workers.analyser import Tracer


def trace(model: Named, workers: Tracer) -> ModelTrace:
    """Trace the named model. Raises UsageError if it cannot be traced, and WorkerError."""
    settings = model.settings
    request = TraceRequest(
        path=str(model.file.path),
        only_class=model.file.only_class,
        targets=model.targets,
        seconds=settings.timeout,
        guard=settings.guard,
        allow=settings.allow,
        call=settings.call,
    )
    return workers.trace(request)


def exit_code(trace: ModelTrace) -> int:
    """1 if a call fails or the forward pass ended early, else 0."""
    return int(bool(trace.faults) or trace.stopped is not None)
