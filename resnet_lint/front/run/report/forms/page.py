"""The reports of `run` and `metrics` as a self-contained HTML page: light and dark, for all screen sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from resnet_lint.front.pages.diff import diff_lines
from resnet_lint.front.pages.render import render
from resnet_lint.front.report_text import count
from resnet_lint.front.run.learning_curve import observations
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.evaluation import Evaluation
from resnet_lint.shared.records.hardware_run import (
    USUAL_BATCH,
    Epoch,
    Gradients,
    MetricsReport,
    RunReport,
    RunRequest,
    Trained,
    Verdict,
)
from resnet_lint.shared.records.reports import Rewrite
from resnet_lint.shared.source_text import shown

from ..bars import bars
from ..curves import curves
from ..measures import cost_rows, reach
from ..tables import (
    OUTCOME_HEADERS,
    SCORE_HEADERS,
    outcome_rows,
    overall,
    score_rows,
    verdict_text,
    worst_first,
)
from .compared import compared_checks, compared_stages, stage_headers
from .text import outcome, predictions, setup_line, training_notes


def run_page(run: RunReport, request: RunRequest, cwd: Path, command: str) -> str:
    """The page of `resnet-lint run`: the run, what was requested, and the command line."""
    last, trained = run.last, run.last.training
    fields: dict[str, Any] = {
        "title": f"{shown(run.path, cwd)}: {last.setup.label}",
        "subtitle": setup_line(run),
        "conditions": list(_conditions(run, request, cwd, command)),
        "outcome": {"level": "good" if last.confirmation.sound else "bad", "text": outcome(run)},
        "predictions": list(predictions(run, cwd)),
        "diff": [] if run.rewrite is None else _diff(run.rewrite, cwd),
        "checks": compared_checks(run),
        "stage_headers": stage_headers(run),
        "stages": [row for row in compared_stages(run) if row.is_main or row.differs],
        "all_stages": list(compared_stages(run)),
        "cost": _cost(run),
        "gradients": _gradients(last.gradients),
    }
    if trained is not None:
        fields["notes"] = list(training_notes(trained))
        fields["mistakes"] = trained.mistakes
        fields |= _figures(trained.evaluation, trained.history, run.verdict, trained)
    return _rendered(fields)


def _conditions(run: RunReport, request: RunRequest, cwd: Path, command: str) -> Iterator[tuple[str, str]]:
    """What another run needs to give the same figures."""
    setup, training = run.last.setup, request.training
    yield "source", _source(run, cwd)
    yield "device", f"{setup.device}, {setup.dtype}, torch {run.last.torch}"
    if training is None:
        yield "batch size", str(setup.batch)
    else:
        plan = f"at most {count(training.epochs, 'epoch')}, learning rate {training.learning_rate:g}"
        yield "training", f"{plan}, patience {training.patience}, batch size {request.batch or USUAL_BATCH}"
    yield "seed", str(request.seed)
    yield "date", datetime.now().astimezone().isoformat(" ", "minutes")
    yield "command", command


def _source(run: RunReport, cwd: Path) -> str:
    file = shown(run.path, cwd)
    if run.rewrite is None:
        return f"{file}, as it is"
    fixed = count(run.rewrite.fixed, "finding")
    return f"{file}, with {fixed} fixed, {'written to the file' if run.written else 'in memory only'}"


def metrics_page(report: MetricsReport, cwd: Path) -> str:
    """The page of `resnet-lint metrics`."""
    title = {"title": shown(report.path, cwd), "subtitle": "resnet-lint metrics"}
    return _rendered(title | _figures(report.evaluation, report.history, report.verdict))


def require_page() -> None:
    """Raise UsageError if a package that the page needs is not installed."""
    require("jinja2", "pygal")


def _rendered(fields: dict[str, Any]) -> str:
    require_page()
    return render(Path(__file__).with_name("page.html.j2"), **fields)


def _diff(rewrite: Rewrite, cwd: Path) -> list[tuple[str, str]]:
    before, after = rewrite.before.splitlines(), rewrite.after.splitlines()
    return list(diff_lines(shown(rewrite.path, cwd), before, after))


def _cost(run: RunReport) -> dict[str, Any]:
    before = run.original.cost if run.fixed is not None else None
    headers = ["", "before the fix", "after the fix", "difference"] if before is not None else []
    return {"headers": headers, "rows": list(cost_rows(run.last.cost, before))}


def _gradients(gradients: Gradients | None) -> dict[str, Any] | None:
    if gradients is None or not gradients.stages:
        return None
    stages = gradients.stages
    points = {"with shortcuts": [stage.norm for stage in stages]}
    if gradients.shortcuts:
        points["without shortcuts"] = [stage.cut or 0.0 for stage in stages]
    return {"summary": reach(gradients), "bars": bars(points, [stage.stage for stage in stages])}


def _figures(
    evaluation: Evaluation | None, history: Sequence[Epoch], verdict: Verdict | None, trained: Trained | None = None
) -> dict[str, Any]:
    return {
        "verdict": None if verdict is None else _verdict(verdict, trained),
        "history": _history(history) if history else None,
        "evaluation": None if evaluation is None else _evaluation(evaluation),
    }


def _verdict(verdict: Verdict, trained: Trained | None) -> dict[str, Any]:
    return {
        "level": verdict.level,
        "text": verdict_text(verdict, trained),
        "reasons": worst_first(verdict),
        "missed": verdict.missed,
    }


def _history(history: Sequence[Epoch]) -> dict[str, Any]:
    labels = [str(epoch.number) for epoch in history]
    losses: dict[str, list[float | None]] = {"training": [epoch.loss for epoch in history]}
    if any(epoch.val_loss is not None for epoch in history):
        losses["validation"] = [epoch.val_loss for epoch in history]
    rows = [
        (epoch.number, f"{epoch.loss:.4g}", _number(epoch.val_loss), f"{epoch.accuracy:.4f}", observation)
        for epoch, observation in zip(history, observations(history), strict=True)
    ]
    return {
        "charts": [
            curves("loss", losses, labels),
            curves("accuracy", {"accuracy": [epoch.accuracy for epoch in history]}, labels),
        ],
        "headers": ["epoch", "loss", "validation loss", "accuracy", "observation"],
        "rows": rows,
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "classes": evaluation.classes,
        "matrix": _matrix(evaluation),
        "outcome_headers": OUTCOME_HEADERS,
        "outcomes": outcome_rows(evaluation) if evaluation.is_multilabel else [],
        "headers": SCORE_HEADERS,
        "scores": score_rows(evaluation),
        "overall": list(overall(evaluation, calibration=False)),
        "calibration": _calibration(evaluation),
    }


def _matrix(evaluation: Evaluation) -> list[tuple[str, list[tuple[int, str]]]]:
    if evaluation.is_multilabel:
        return []
    rows = zip(evaluation.classes, evaluation.matrix, strict=True)
    return [(name, [(count, _heat(count, row)) for count in row]) for name, row in rows]


def _calibration(evaluation: Evaluation) -> dict[str, Any] | None:
    """The accuracy by confidence, beside the confidence itself: a calibrated model has the same curve."""
    if evaluation.calibration_error is None:
        return None
    bins = evaluation.calibration
    points: dict[str, list[float | None]] = {
        "accuracy": [part.accuracy for part in bins],
        "confidence": [(part.low + part.high) / 2 for part in bins],
    }
    return {
        "error": f"{evaluation.calibration_error:.4f}",
        "chart": curves("accuracy by confidence", points, [f"{part.low:.1f}" for part in bins]),
        "rows": [
            (f"{part.low:.1f} to {part.high:.1f}", part.count, _number(part.accuracy)) for part in bins if part.count
        ],
    }


def _heat(count: int, row: Sequence[int]) -> str:
    """The opacity of a cell's colour: its share of the row, scaled to keep the number readable."""
    return f"{0.5 * count / max(1, sum(row)):.2f}"
