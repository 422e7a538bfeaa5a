"""The order of a run: check the file, fix it in memory, run it as it is and fixed, and put the report together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.hardware_run import (
    MetricsReport,
    Predictions,
    Result,
    RunReport,
    RunRequest,
    Thresholds,
    Trained,
    Verdict,
)
from resnet_lint.shared.records.reports import Rewrite, Run
from resnet_lint.shared.records.requests import Interpreter

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
class Plan:
    """What `resnet-lint run` is asked to do, beyond how to check: `fix` writes the fixed file."""

    path: str
    settings: Settings
    request: RunRequest
    fix: bool = False


def plan(argument: str, given: Given, request: RunRequest, *, fix: bool, cwd: Path, **usual: object) -> Plan:
    """A plan for `PATH[::Target]`; a target may also be a function that gives a model.

    `usual` are settings that hold where the command line says nothing else.
    Raises UsageError and ConfigError.
    """
    model = named(argument, given, cwd, diff=True, **usual)
    settings = model.settings
    request = replace(
        request,
        path=str(model.file.path),
        only_class=model.file.only_class,
        call=settings.call,
        targets=model.targets,
        seconds=settings.timeout,
    )
    return Plan(model.argument, settings, request, fix)


def run(
    plan: Plan,
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
        original, fixed = engine.run(plan.request, None, "as it is"), None
    else:
        original = engine.run(replace(plan.request, training=None), rewrite.before, "as it is")
        fixed = engine.run(plan.request, rewrite.after, "mended")
    findings = _about_models(checked.findings)
    verdict = _verdict((fixed or original).training, findings if rewrite is None else rewrite.left, thresholds)
    seconds = time.perf_counter() - began
    return RunReport(plan.request.path, findings, rewrite, written, original, fixed, seconds, verdict)


def _verdict(trained: Trained | None, findings: Sequence[Finding], thresholds: Thresholds) -> Verdict | None:
    if trained is None:
        return None
    silent = [f"line {each.span.start.line}: {each.message}" for each in findings if each.traits.silent]
    return judge(trained.evaluation, trained.history, thresholds, shared_samples=trained.shared, silent_mistakes=silent)


def _about_models(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Without those that only say which other classes of the file were not reached."""
    return tuple(finding for finding in findings if finding.traits.about != "class")


def _rewrite(checked: Run) -> Rewrite | None:
    if checked.faults:
        raise UsageError(checked.faults[0])
    rewrite = next(iter(checked.rewrites), None)
    return None if rewrite is None else replace(rewrite, left=_about_models(rewrite.left))


@dataclass(frozen=True)
class _Engine:
    """Runs models with an interpreter, and says what it does."""

    interpreter: Interpreter
    status: Status

    def run(self, request: RunRequest, source: str | None, which: str) -> Result:
        def on_event(kind: str, value: Mapping[str, Any]) -> None:
            if kind == "progress":
                self.status.progress(f"{value['phase']}, {which}", value["done"], value["total"])

        return engine_client.run(replace(request, source=source), self.interpreter, on_event)


def exit_code(report: RunReport) -> int:
    """130 after Ctrl-C; 1 where the model that was run last is not sound, a limit was missed, the loss is no longer a
    number, or the file still has an error; else 0.
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
    """The report on a CSV file of answers or epochs. Raises UsageError, and what `engine_client.evaluate` raises."""
    found = csv_input.read(file)
    if isinstance(found, Predictions):
        evaluation = engine_client.evaluate(found, own())
        return MetricsReport(str(file), evaluation, (), judge(evaluation, (), thresholds))
    return MetricsReport(str(file), None, found, judge(None, found, thresholds))
