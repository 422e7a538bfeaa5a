"""The tables and the chart that the executor's reports for the terminal are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabulate import tabulate

from resnet_lint.shared.records.hardware_run import LEVELS, Epoch, Evaluation, Level, Reason, Score, Verdict

from ..learning_curve import observations
from .chart import chart

WORDS: dict[Level, str] = {
    "good": "fit for production",
    "fair": "not yet fit for production",
    "bad": "NOT fit for production",
}


def titled(title: str, body: str) -> str:
    """A block of the report below its title."""
    return f"{title}\n{'-' * len(title)}\n{body}"


def evaluation_blocks(evaluation: Evaluation) -> Iterator[str]:
    """The confusion matrix and the scores."""
    rows = [(name, *counts) for name, counts in zip(evaluation.classes, evaluation.matrix, strict=True)]
    yield titled(
        "Confusion matrix",
        "a row is the label, a column the prediction\n\n" + tabulate(rows, ["", *evaluation.classes]),
    )
    scores = [(name, *_cells(score)) for name, score in zip(evaluation.classes, evaluation.scores, strict=True)]
    scores += [("macro mean", *_cells(evaluation.macro)), ("weighted mean", *_cells(evaluation.weighted))]
    lines = [
        tabulate(scores, ["class", "precision", "recall", "F1", "samples"], disable_numparse=True),
        "",
        f"accuracy {evaluation.accuracy:.4f}",
    ]
    if evaluation.calibration_error is not None:
        lines.append(f"calibration error of the scores {evaluation.calibration_error:.4f}")
    yield titled("Metrics", "\n".join(lines))


def _cells(score: Score) -> tuple[str, ...]:
    return (f"{score.precision:.4f}", f"{score.recall:.4f}", f"{score.f1:.4f}", str(score.support))


def history_blocks(history: Sequence[Epoch]) -> Iterator[str]:
    """The epochs with their observations, and the losses as a chart."""
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
    """The losses over the epochs as lines of characters."""
    curves = {
        "training": [(epoch.number, epoch.loss) for epoch in history],
        "validation": [(epoch.number, epoch.val_loss) for epoch in history if epoch.val_loss is not None],
    }
    numbers = [epoch.number for epoch in history]
    return chart("loss over the epochs", {name: points for name, points in curves.items() if points}, numbers)


def worst_first(verdict: Verdict) -> list[Reason]:
    """The reasons of a verdict, those that decide it at the top."""
    return sorted(verdict.reasons, key=lambda reason: LEVELS.index(reason.level), reverse=True)


def verdict_block(verdict: Verdict) -> str:
    """The verdict with its reasons, the worst first, and the limits that were missed."""
    table = tabulate([(each.level, each.check, each.text) for each in worst_first(verdict)], tablefmt="plain")
    lines = [table, *(f"missed {each}" for each in verdict.missed)]
    return titled(f"Verdict: {WORDS[verdict.level]}", "\n".join(lines))
