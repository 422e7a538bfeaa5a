"""Selects misclassified samples to show."""

from __future__ import annotations

from torch import Tensor

from resnet_lint.shared.records.hardware_run import Mistake

from .data import Data
from .png import as_png

_MOST = 12


def worst_mistakes(data: Data, confidence: Tensor, predicted: Tensor) -> tuple[Mistake, ...]:
    """The misclassified validation samples with the highest confidence; arguments are of shape (N,)."""
    samples = data.validation
    wrong = (predicted != samples.labels).nonzero().flatten()
    worst = wrong[confidence[wrong].argsort(descending=True)][:_MOST].tolist()
    return tuple(
        Mistake(
            number,
            data.classes[int(samples.labels[number])],
            data.classes[int(predicted[number])],
            round(float(confidence[number]), 4),
            as_png(samples.values[number]),
        )
        for number in worst
    )
