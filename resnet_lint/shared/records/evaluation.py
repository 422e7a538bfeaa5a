"""Frozen records of a classifier's predictions and of the metrics that follow from them. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Predictions:
    """The predictions of a classifier: labels and predicted classes of some samples, as indices into `classes`.

    `scores` are the confidences of the predictions, from 0 to 1, and `probabilities` those of all classes per sample;
    empty if unknown.
    """

    classes: tuple[str, ...]
    labels: tuple[int, ...]
    predicted: tuple[int, ...]
    scores: tuple[float, ...] = ()
    probabilities: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class MultilabelPredictions:
    """The predictions of a multi-label classifier: per sample the indices of its labels and of the predicted ones."""

    classes: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...]
    predicted: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 of a class, or averaged over the classes; `support` is the number of samples."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Bin:
    """The predictions whose confidence is between two bounds: their number, and the share that is correct."""

    low: float
    high: float
    count: int
    accuracy: float | None


@dataclass(frozen=True)
class TopAccuracy:
    """The share of samples whose label is among the `number` most probable classes."""

    number: int
    accuracy: float


@dataclass(frozen=True)
class Outcomes:
    """How often a label of a multi-label classifier is predicted where it holds and where it does not."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a classifier. `matrix` is the confusion matrix: `matrix[label][prediction]` is a count.

    Of a multi-label classifier, `matrix` is empty and `outcomes` has one entry per class, `accuracy` is the share of
    samples with exactly their labels, and `hamming_loss` the share of wrong decisions among all samples and classes.
    `top` has the top-k accuracies; empty without the probabilities of all classes.

    `macro` is the unweighted mean over the classes, `weighted` the mean by support. `calibration_error` is the expected
    calibration error (15 bins), and `calibration` the accuracy by confidence; None and empty without scores.
    """

    classes: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    scores: tuple[Score, ...]
    macro: Score
    weighted: Score
    accuracy: float
    calibration_error: float | None = None
    calibration: tuple[Bin, ...] = ()
    top: tuple[TopAccuracy, ...] = ()
    outcomes: tuple[Outcomes, ...] = ()
    hamming_loss: float | None = None

    @property
    def is_multilabel(self) -> bool:
        return bool(self.outcomes)

    def is_predicted(self, index: int) -> bool:
        """Whether any sample is predicted to be of this class; its precision is undefined otherwise."""
        if self.is_multilabel:
            return self.outcomes[index].true_positives + self.outcomes[index].false_positives > 0
        return any(row[index] for row in self.matrix)
