"""Requests a trace, and the fix of its faults, from the worker, and derives the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.requests import TraceRequest
from resnet_lint.shared.source_text import lines_of

from ..check import pipeline
from ..check.report.edited_lines import edited_lines
from ..named_model import Named
from ..workers.analyser import Analyser, Tracer


def trace(model: Named, workers: Tracer, gradients: bool = False, source: str | None = None) -> ModelTrace:
    """Trace the named model; `source` replaces the text of its file.

    Raises UsageError if it cannot be traced, and WorkerError.
    """
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
        source=source,
    )
    return workers.trace(request)


def findings(model: Named, workers: Analyser, cwd: Path) -> tuple[Finding, ...]:
    """The findings in the file of the named model, with their fixes."""
    return pipeline.check([model.argument], model.settings, workers, cwd=cwd).findings


def after_fixes(model: Named, workers: Tracer, found: Sequence[Finding]) -> tuple[tuple[Finding, ModelTrace], ...]:
    """The model after each verified fix of the findings in its file, as far as it can be traced."""
    pairs = ((finding, _after_fix(model, workers, finding)) for finding in found)
    return tuple((finding, after) for finding, after in pairs if after is not None)


def _after_fix(model: Named, workers: Tracer, finding: Finding) -> ModelTrace | None:
    path = str(model.file.path)
    if finding.span.path != path or finding.fix is None or not finding.fix.edits:
        return None
    lines = edited_lines(lines_of(path), finding.fix.edits)
    try:
        return trace(model, workers, source="".join(f"{line}\n" for line in lines))
    except UsageError:  # such as the time limit: the diff is shown without a drawing
        return None


def exit_code(trace: ModelTrace) -> int:
    """1 if a call fails or the forward pass ended early, else 0."""
    return int(bool(trace.faults) or trace.stopped is not None)
