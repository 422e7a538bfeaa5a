"""The trace of a model from the worker, and the exit code that it leads to."""

from __future__ import annotations

import cattrs

from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.requests import Request

from ..named_model import Named
from ..workers.worker_client import Workers


def trace(model: Named, workers: Workers) -> ModelTrace:
    """The trace of the model that the user names. Raises UsageError where there is none, and WorkerError."""
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


def exit_code(found: ModelTrace) -> int:
    """1 where a call of the model fails or the trace could not follow it to its end, else 0."""
    return int(bool(found.faults) or found.stopped is not None)
