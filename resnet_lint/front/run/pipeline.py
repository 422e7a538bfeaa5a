"""The steps of a run: check the file, fix it in memory, run it before and after the fix, and build the report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.hardware_run import MetricsReport, Result, RunReport, RunRequest, Trained, Verdict
from resnet_lint.shared.records.reports import Rewrite, Run
from resnet_lint.shared.records.requests import Interpreter
from resnet_lint.shared.records.thresholds import Thresholds

from ..check import pipeline
from ..fix.apply import write
from ..named_model import named
from ..options.configuration import Given
from ..options.settings import Settings
from ..terminal import Status
from ..workers.analyser import Analyser
from ..workers.interpreter import own
from . import csv_input, engine_client
from .verdict import judge

_INTERRUPTED = 130


@dataclass(frozen=True)
class RunPlan:
    """What to run: the settings of the check and the request to the engine; `fix` writes the fixed file."""

    path: str
    settings: Settings
    request: RunRequest
    fix: bool = False


def plan(argument: str, given: Given, request: RunRequest, *, fix: bool, cwd: Path, **defaults: object) -> RunPlan:
    """Plan the run of `PATH[::Target]`; the target may be a class or a function that returns a model.

    `defaults` are settings that the command line overrides. Raises UsageError and ConfigError.
    """
    model = named(argument, given, cwd, diff=True, **defaults)
    settings = model.settings
    request = replace(
        request,
        path=str(model.file.path),
        only_class=model.file.only_class,
        call=settings.call,
        targets=model.targets,
        seconds=settings.timeout,
    )
    return RunPlan(model.argument, settings, request, fix)


def run(
    plan: RunPlan,
    workers: Analyser,
    choose: Callable[[], Interpreter],
    *,
    cwd: Path,
    status: Status,
    thresholds: Thresholds,
) -> RunReport:
    """Check, fix and run one model. Raises what `pipeline.check` and `engine_client.run` raise, and FileNotWritten."""
    began = time.perf_counter()
    status.progress("checking")
    checked = pipeline.check([plan.path], plan.settings, workers, cwd=cwd)
    rewrite = _rewrite(checked)
    if plan.fix and rewrite is not None:
        write(rewrite)
    written = plan.fix and rewrite is not None
    engine = _Engine(choose(), status)
    if rewrite is None:
        original, fixed = engine.run(plan.request, None), None
    else:
        original = engine.run(replace(plan.request, training=None), rewrite.before, "before the fix")
        fixed = engine.run(plan.request, rewrite.after, "after the fix")
    findings = _about_models(checked.findings)
    verdict = _verdict((fixed or original).training, findings if rewrite is None else rewrite.left, thresholds)
    seconds = time.perf_counter() - began
    return RunReport(plan.request.path, findings, rewrite, written, original, fixed, seconds, verdict)


def _verdict(trained: Trained | None, findings: Sequence[Finding], thresholds: Thresholds) -> Verdict | None:
    if trained is None:
        return None
    silent = [f"line {found.span.start.line}: {found.message}" for found in findings if found.traits.silent]
    return judge(trained.evaluation, trained.history, thresholds, shared_samples=trained.shared, silent_mistakes=silent)


def _about_models(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Leave out findings that only name classes of the file that were not checked."""
    return tuple(finding for finding in findings if finding.traits.about != "class")


def _rewrite(checked: Run) -> Rewrite | None:
    if checked.faults:
        raise UsageError(checked.faults[0])
    rewrite = next(iter(checked.rewrites), None)
    return None if rewrite is None else replace(rewrite, left=_about_models(rewrite.left))


@dataclass(frozen=True)
class _Engine:
    """Runs models with an interpreter, and shows the progress."""

    interpreter: Interpreter
    status: Status

    def run(self, request: RunRequest, source: str | None, which: str = "") -> Result:
        def on_event(kind: str, value: Mapping[str, Any]) -> None:
            if kind == "progress":
                phase = ", ".join(filter(None, (value["phase"], which)))
                self.status.progress(phase, value["done"], value["total"])

        return engine_client.run(replace(request, source=source), self.interpreter, on_event)


def exit_code(report: RunReport) -> int:
    """130 after Ctrl-C; 1 if the model is not sound, a gate was missed, the loss is not finite, or an error is left;
    else 0.
    """
    trained = report.last.training
    if trained is not None and trained.interrupted:
        return _INTERRUPTED
    missed = report.verdict is not None and bool(report.verdict.missed)
    diverged = trained is not None and not math.isfinite(trained.history[-1].loss)
    faulty = any(_is_error(finding) for finding in report.left)
    return int(not report.last.confirmation.sound or missed or diverged or faulty)


def _is_error(finding: Finding) -> bool:
    return finding.severity == "error"


def metrics(file: Path, thresholds: Thresholds) -> MetricsReport:
    """Evaluate a CSV file of predictions or epochs. Raises UsageError and the errors of `engine_client.evaluate`."""
    content = csv_input.read(file)
    if not isinstance(content, tuple):
        evaluation = engine_client.evaluate(content, own())
        return MetricsReport(str(file), evaluation, (), judge(evaluation, (), thresholds))
    return MetricsReport(str(file), None, content, judge(None, content, thresholds))
