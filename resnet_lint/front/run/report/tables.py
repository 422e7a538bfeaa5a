"""Tables and charts of the executor's text reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from tabulate import tabulate

from resnet_lint.front.report_text import count
from resnet_lint.shared.records.evaluation import Evaluation, Score
from resnet_lint.shared.records.hardware_run import LEVELS, Epoch, Level, Reason, Trained, Verdict

from ..learning_curve import observations
from .chart import chart

_VERDICTS: dict[Level, str] = {
    "good": "meets the thresholds",
    "fair": "does not meet all thresholds",
    "bad": "fails the thresholds",
}


def verdict_text(verdict: Verdict, trained: Trained | None = None) -> str:
    """The verdict in words; after a training, with the data and the number of epochs that it is based on."""
    text = _VERDICTS[verdict.level]
    if trained is not None:
        return f"{text} on {trained.data} ({count(len(trained.history), 'epoch')})"
    return f"NOT fit for production: {text}" if verdict.level == "bad" else text


def titled(title: str, body: str) -> str:
    """A section of the report with its title."""
    return f"{title}\n{'-' * len(title)}\n{body}"


def evaluation_blocks(evaluation: Evaluation) -> Iterator[str]:
    """The confusion matrix, or the outcomes of a multi-label classifier by class, and the scores."""
    if evaluation.is_multilabel:
        yield titled("Predictions by class", tabulate(outcome_rows(evaluation), OUTCOME_HEADERS))
    else:
        rows = [(name, *counts) for name, counts in zip(evaluation.classes, evaluation.matrix, strict=True)]
        yield titled(
            "Confusion matrix",
            "rows are labels, columns are predictions\n\n" + tabulate(rows, ["", *evaluation.classes]),
        )
    table = tabulate(score_rows(evaluation), SCORE_HEADERS, disable_numparse=True)
    yield titled("Metrics", "\n".join([table, "", *overall(evaluation)]))


def overall(evaluation: Evaluation, *, calibration: bool = True) -> Iterator[str]:
    """The figures of the whole classifier, one line each; on the page, the calibration has a section of its own."""
    name = "exact match (samples with exactly their labels)" if evaluation.is_multilabel else "accuracy"
    yield f"{name} {evaluation.accuracy:.4f}"
    for top in evaluation.top:
        yield f"top-{top.number} accuracy {top.accuracy:.4f}"
    if evaluation.hamming_loss is not None:
        yield f"Hamming loss {evaluation.hamming_loss:.4f}"
    if calibration and evaluation.calibration_error is not None:
        yield f"expected calibration error {evaluation.calibration_error:.4f}"


OUTCOME_HEADERS = ("class", "true positives", "false positives", "false negatives", "true negatives")


def outcome_rows(evaluation: Evaluation) -> list[tuple[str | int, ...]]:
    """The outcomes of each class of a multi-label classifier."""
    return [(name, *astuple(counts)) for name, counts in zip(evaluation.classes, evaluation.outcomes, strict=True)]


SCORE_HEADERS = ("class", "precision", "recall", "F1", "support")
_UNDEFINED = "undefined"


def score_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """The scores of each class and their averages. A score that divides by zero is undefined, not 0."""
    rows = []
    for index, (name, score) in enumerate(zip(evaluation.classes, evaluation.scores, strict=True)):
        precision, recall, f1, support = _cells(score)
        precision = precision if evaluation.is_predicted(index) else _UNDEFINED
        recall = recall if score.support else _UNDEFINED
        f1 = f1 if evaluation.is_predicted(index) or score.support else _UNDEFINED
        rows.append((name, precision, recall, f1, support))
    return [*rows, ("macro avg", *_cells(evaluation.macro)), ("weighted avg", *_cells(evaluation.weighted))]


def _cells(score: Score) -> tuple[str, str, str, str]:
    return (f"{score.precision:.4f}", f"{score.recall:.4f}", f"{score.f1:.4f}", str(score.support))


def history_blocks(history: Sequence[Epoch]) -> Iterator[str]:
    """The epochs with observations, and the losses as a chart."""
    columns: dict[str, list[str]] = {
        "epoch": [str(epoch.number) for epoch in history],
        "loss": [_number(epoch.loss) for epoch in history],
        "validation loss": [_number(epoch.val_loss) for epoch in history],
        "accuracy": [f"{epoch.accuracy:.4f}" for epoch in history],
        "seconds": [_number(epoch.seconds) for epoch in history],
        "observation": observations(history),
    }
    filled = {name: values for name, values in columns.items() if any(values)}
    yield titled("Training", tabulate(filled, headers="keys", disable_numparse=True))
    yield loss_chart(history)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def loss_chart(history: Sequence[Epoch]) -> str:
    """The losses over the epochs as a terminal chart."""
    curves = {
        "training": [(epoch.number, epoch.loss) for epoch in history],
        "validation": [(epoch.number, epoch.val_loss) for epoch in history if epoch.val_loss is not None],
    }
    numbers = [epoch.number for epoch in history]
    return chart("loss by epoch", {name: points for name, points in curves.items() if points}, numbers)


def worst_first(verdict: Verdict) -> list[Reason]:
    """The reasons of a verdict, worst first."""
    return sorted(verdict.reasons, key=lambda reason: LEVELS.index(reason.level), reverse=True)


def verdict_block(verdict: Verdict, trained: Trained | None = None) -> str:
    """The verdict with its reasons, worst first, and the missed gates."""
    table = tabulate([(reason.level, reason.check, reason.text) for reason in worst_first(verdict)], tablefmt="plain")
    lines = [table, *(f"missed {gate}" for gate in verdict.missed)]
    return titled(f"Verdict: {verdict_text(verdict, trained)}", "\n".join(lines))
