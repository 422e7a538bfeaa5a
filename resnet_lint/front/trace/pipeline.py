"""Requests a trace, and the fix of its faults, from the worker, and derives the exit code."""

from __future__ import annotations

from pathlib import Path

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.requests import TraceRequest

from ..check import pipeline
from ..named_model import Named
from ..workers.analyser import Analyser, Tracer


def trace(model: Named, workers: Tracer, gradients: bool = False) -> ModelTrace:
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
        gradients=gradients,
    )
    return workers.trace(request)


def findings(model: Named, workers: Analyser, cwd: Path) -> tuple[Finding, ...]:
    """The findings in the file of the named model, with their fixes."""
    return pipeline.check([model.argument], model.settings, workers, cwd=cwd).findings


def exit_code(trace: ModelTrace) -> int:
    """1 if a call fails or the forward pass ended early, else 0."""
    return int(bool(trace.faults) or trace.stopped is not None)
