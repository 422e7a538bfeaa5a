"""Computes the metrics of a classifier with torchmetrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

from resnet_lint.shared.records.evaluation import Bin, Evaluation, Predictions, Score, TopAccuracy

# torchmetrics computes in float32; further digits are not significant.
DIGITS = 6
_BINS = 10
_TOP = (1, 3, 5)
Average = Literal["macro", "weighted", "none"]
_SCORES = (multiclass_precision, multiclass_recall, multiclass_f1_score)


def evaluate(predictions: Predictions) -> Evaluation:
    """Compute all metrics. The precision of a class that is never predicted is 0."""
    labels, predicted = torch.tensor(predictions.labels), torch.tensor(predictions.predicted)
    number = len(predictions.classes)
    matrix = multiclass_confusion_matrix(predicted, labels, number)
    supports = [int(row.sum()) for row in matrix]

    def scores(average: Average) -> list[tuple[float, float, float]]:
        return rounded([function(predicted, labels, number, average=average) for function in _SCORES])

    per_class = [Score(*values, support=support) for values, support in zip(scores("none"), supports, strict=True)]
    [macro], [weighted] = scores("macro"), scores("weighted")
    return Evaluation(
        classes=predictions.classes,
        matrix=tuple(tuple(int(count) for count in row) for row in matrix),
        scores=tuple(per_class),
        macro=Score(*macro, support=len(labels)),
        weighted=Score(*weighted, support=len(labels)),
        accuracy=round(float(multiclass_accuracy(predicted, labels, number, average="micro")), DIGITS),
        calibration_error=_calibration_error(predictions, predicted == labels),
        calibration=tuple(_calibration(predictions, predicted == labels)),
        top=tuple(_top(predictions, labels)),
    )


def rounded(values: Sequence[torch.Tensor]) -> list[tuple[float, float, float]]:
    """Precision, recall and F1 score per class, from those of all classes; a single row for averages."""
    precision, recall, f1 = ([round(float(value), DIGITS) for value in column.reshape(-1)] for column in values)
    return list(zip(precision, recall, f1, strict=True))


def _top(predictions: Predictions, labels: torch.Tensor) -> Iterator[TopAccuracy]:
    """The top-k accuracies, without those that all samples reach since there are no more classes."""
    number = len(predictions.classes)
    probabilities = torch.tensor(predictions.probabilities, dtype=torch.double)
    for k in _TOP if predictions.probabilities else ():
        if k < number:
            accuracy = multiclass_accuracy(probabilities, labels, number, average="micro", top_k=k)
            yield TopAccuracy(k, round(float(accuracy), DIGITS))


def _calibration(predictions: Predictions, correct: torch.Tensor) -> Iterator[Bin]:
    """The accuracy of the predictions in each tenth of the confidence."""
    if not predictions.scores:
        return
    bins = (torch.tensor(predictions.scores) * _BINS).long().clamp_max(_BINS - 1)
    for number in range(_BINS):
        inside = correct[bins == number]
        accuracy = round(float(inside.float().mean()), DIGITS) if len(inside) else None
        yield Bin(number / _BINS, (number + 1) / _BINS, len(inside), accuracy)


def _calibration_error(predictions: Predictions, correct: torch.Tensor) -> float | None:
    if not predictions.scores:
        return None
    return round(float(binary_calibration_error(torch.tensor(predictions.scores), correct.int(), n_bins=15)), DIGITS)
