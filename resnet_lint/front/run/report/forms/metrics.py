"""The report of `resnet-lint metrics` as text and as JSON; its schema is metrics.schema.json in the parent folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from resnet_lint import __version__
from resnet_lint.front.run.learning_curve import observations
from resnet_lint.shared.records.evaluation import Evaluation
from resnet_lint.shared.records.hardware_run import Epoch, MetricsReport, Verdict
from resnet_lint.shared.source_text import shown

from ..numbers import finite
from ..tables import evaluation_blocks, history_blocks, verdict_block

VERSION = 1


def as_text(report: MetricsReport) -> str:
    """Tables, the loss chart, and the verdict."""
    blocks: list[str] = []
    if report.evaluation is not None:
        blocks += evaluation_blocks(report.evaluation)
    if report.history:
        blocks += history_blocks(report.history)
    return "\n\n".join([*blocks, verdict_block(report.verdict)]) + "\n"


def as_json(report: MetricsReport, cwd: Path) -> str:
    """One JSON object; the path is relative to `cwd`."""
    fields = {
        "version": VERSION,
        "tool": {"name": "resnet-lint", "version": __version__},
        "path": shown(report.path, cwd),
        "evaluation": None if report.evaluation is None else evaluation_fields(report.evaluation),
        "history": history_fields(report.history),
        "verdict": verdict_fields(report.verdict),
    }
    return json.dumps(finite(fields), indent=2, allow_nan=False) + "\n"


def evaluation_fields(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON data, with the class names in the scores."""
    scores = zip(evaluation.classes, evaluation.scores, strict=True)
    return {**asdict(evaluation), "scores": [{"class": name, **asdict(score)} for name, score in scores]}


def history_fields(history: tuple[Epoch, ...]) -> list[dict[str, Any]]:
    """The history as JSON data, with observations."""
    observed = zip(history, observations(history), strict=True)
    return [{**asdict(epoch), "observation": observation} for epoch, observation in observed]


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON data."""
    return {"level": verdict.level, **asdict(verdict)}
