"""Requests a trace from the worker, and derives the exit code."""

from __future__ import annotations

import cattrs

from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.requests import Request

from ..named_model import Named
from ..workers.worker_client import Workers


def trace(model: Named, workers: Workers) -> ModelTrace:
    """Trace the named model. Raises UsageError if it cannot be traced, and WorkerError."""
    settings = model.settings
    request = Request(
        path=str(model.file.path),
        only_class=model.file.only_class,
        targets=model.targets,
        seconds=settings.timeout,
        guard=settings.guard,
        allow=settings.allow,
        quick=True,
        job="trace",
        call=settings.call,
    )
    return cattrs.structure(workers.trace(request), ModelTrace)


def exit_code(trace: ModelTrace) -> int:
    """1 if a call fails or the forward pass ended early, else 0."""
    return int(bool(trace.faults) or trace.stopped is not None)
