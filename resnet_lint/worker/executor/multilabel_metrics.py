"""Computes the metrics of a multi-label classifier with torchmetrics."""

from __future__ import annotations

import torch
from torchmetrics.functional.classification import (
    multilabel_confusion_matrix,
    multilabel_exact_match,
    multilabel_f1_score,
    multilabel_hamming_distance,
    multilabel_precision,
    multilabel_recall,
)

from resnet_lint.shared.records.evaluation import Evaluation, MultilabelPredictions, Outcomes, Score

from .metrics import DIGITS, Average, rounded

_SCORES = (multilabel_precision, multilabel_recall, multilabel_f1_score)


def evaluate_multilabel(predictions: MultilabelPredictions) -> Evaluation:
    """Compute all metrics. The precision of a class that is never predicted is 0."""
    number = len(predictions.classes)
    labels, predicted = (_flags(indices, number) for indices in (predictions.labels, predictions.predicted))
    supports = [int(count) for count in labels.sum(0)]

    def scores(average: Average) -> list[tuple[float, float, float]]:
        return rounded([function(predicted, labels, number, average=average) for function in _SCORES])

    [macro], [weighted] = scores("macro"), scores("weighted")
    counts = multilabel_confusion_matrix(predicted, labels, number).reshape(number, 4).tolist()
    return Evaluation(
        classes=predictions.classes,
        matrix=(),
        scores=tuple(Score(*values, support=support) for values, support in zip(scores("none"), supports, strict=True)),
        macro=Score(*macro, support=sum(supports)),
        weighted=Score(*weighted, support=sum(supports)),
        accuracy=round(float(multilabel_exact_match(predicted, labels, number)), DIGITS),
        outcomes=tuple(Outcomes(hits, false, missed, none) for none, false, missed, hits in counts),
        hamming_loss=round(float(multilabel_hamming_distance(predicted, labels, number, average="micro")), DIGITS),
    )


def _flags(indices: tuple[tuple[int, ...], ...], number: int) -> torch.Tensor:
    """The labels of all samples as 0 and 1, of shape (samples, classes)."""
    flags = torch.zeros(len(indices), number, dtype=torch.long)
    for row, chosen in zip(flags, indices, strict=True):
        row[list(chosen)] = 1
    return flags
