"""The tables and the chart that the executor's reports for the terminal are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from tabulate import tabulate

from ..extra import require
from ..observe import observations
from ..records import Epoch, Evaluation, Level, Score, Verdict

_WORDS: dict[Level, str] = {
    "good": "fit for production",
    "fair": "not yet fit for production",
    "bad": "NOT fit for production",
}
_CHART = (72, 16)
_TRAINING, _VALIDATION = "*", "o"
_MOST_TICKS = 8


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
    require("plotext")
    import plotext

    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.plot_size(*_CHART)
    figure.title(f"loss over the epochs: {_TRAINING} training, {_VALIDATION} validation")
    figure.legend(False)  # it would hide the curve
    figure.ruler("x").ticks(*_ticks(history))
    _draw(figure, _TRAINING, [(epoch.number, epoch.loss) for epoch in history])
    _draw(figure, _VALIDATION, [(each.number, each.val_loss) for each in history if each.val_loss is not None])
    text: str = figure.build().string(colorless=True)
    return text.rstrip("\n")


def _ticks(history: Sequence[Epoch]) -> tuple[list[int], list[str]]:
    """Epochs to be named below the chart: whole numbers, and not too many."""
    numbers = [epoch.number for epoch in history][:: max(1, len(history) // _MOST_TICKS)]
    return numbers, list(map(str, numbers))


def _draw(figure: Any, marker: str, points: Sequence[tuple[int, float]]) -> None:
    finite = [(number, value) for number, value in points if math.isfinite(value)]
    if finite:
        figure.draw(figure.signal([x for x, _ in finite], [y for _, y in finite], marker=marker).lines(True))


def verdict_block(verdict: Verdict) -> str:
    """The verdict with its reasons, the worst first, and the limits that were missed."""
    order: Sequence[Level] = ("bad", "fair", "good")
    reasons = sorted(verdict.reasons, key=lambda reason: order.index(reason.level))
    table = tabulate([(each.level, each.check, each.text) for each in reasons], tablefmt="plain")
    lines = [table, *(f"missed {each}" for each in verdict.missed)]
    return titled(f"Verdict: {_WORDS[verdict.level]}", "\n".join(lines))
