"""Compares metrics and training history with the thresholds: a verdict with one reason per check."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from resnet_lint.shared.records.evaluation import Evaluation
from resnet_lint.shared.records.hardware_run import Epoch, Level, Reason, Verdict
from resnet_lint.shared.records.thresholds import Thresholds

from .learning_curve import risen_from, stuck, unstable

# At or below these, a value is bad; between these and the threshold, it is fair.
_BAD_ACCURACY = 0.60
_BAD_RECALL = 0.50
# Imbalance ratio (samples of the largest class to those of the smallest) from which classes are unbalanced.
_IMBALANCE = 5.0
# Share of validation samples in the training split above which a leak is bad.
_LEAK = 0.01


def judge(
    evaluation: Evaluation | None,
    history: Sequence[Epoch],
    thresholds: Thresholds,
    *,
    shared_samples: int | None = None,
    silent_mistakes: Sequence[str] = (),
) -> Verdict:
    """The verdict on an evaluation, a training history, or both.

    `shared_samples` is the number of validation samples that are in the training split too; `silent_mistakes` are the
    findings about skip connections that run but are wrong.
    """
    accuracy = evaluation.accuracy if evaluation is not None else history[-1].accuracy if history else None
    if evaluation is not None and evaluation.is_multilabel:
        reasons = [_exact_match(evaluation.accuracy, thresholds)]
    else:
        reasons = [] if accuracy is None else [_accuracy(accuracy, thresholds)]
    if evaluation is not None:
        reasons += _of_scores(evaluation, thresholds)
    reasons += _of_history(history, thresholds)
    if shared_samples is not None and evaluation is not None:
        reasons.append(_of_leak(shared_samples, evaluation.weighted.support))
    reasons += [Reason("skip connections", "bad", text) for text in silent_mistakes]
    return Verdict(tuple(reasons), tuple(_missed(evaluation, accuracy, history, thresholds)))


def _of_scores(evaluation: Evaluation, thresholds: Thresholds) -> Iterator[Reason]:
    worst = _worst(evaluation, "recall")
    recall = evaluation.scores[worst].recall
    name = evaluation.classes[worst]
    if evaluation.accuracy >= thresholds.accuracy and recall < _BAD_RECALL and not evaluation.is_multilabel:
        yield Reason(
            "accuracy paradox", "bad",
            f"an accuracy of {evaluation.accuracy:.1%} hides a recall of {recall:.1%} for {name!r}; "
            f"always predicting {_largest(evaluation)!r} would reach {_baseline(evaluation):.1%}",
        )  # fmt: skip
    yield _lowest("recall", recall, name, thresholds.recall, bad=_BAD_RECALL)
    worst = _worst(evaluation, "precision")
    name = evaluation.classes[worst]
    if evaluation.is_predicted(worst):
        yield _lowest("precision", evaluation.scores[worst].precision, name, thresholds.precision, bad=0.0)
    else:
        yield Reason("precision", "fair", f"undefined for class {name!r}, which is never predicted")
    yield _balance(evaluation, low=recall < thresholds.recall)


def _accuracy(accuracy: float, thresholds: Thresholds) -> Reason:
    if accuracy >= thresholds.accuracy:
        return Reason("accuracy", "good", f"{accuracy:.1%}")
    level: Level = "bad" if accuracy <= _BAD_ACCURACY else "fair"
    return Reason("accuracy", level, f"{accuracy:.1%}; threshold {thresholds.accuracy:.1%}")


def _exact_match(share: float, thresholds: Thresholds) -> Reason:
    """Never bad: with many classes, most samples have a wrong decision of a good classifier."""
    text = f"{share:.1%} of the samples have exactly their labels"
    if share >= thresholds.accuracy:
        return Reason("exact match", "good", text)
    return Reason("exact match", "fair", f"{text}; threshold {thresholds.accuracy:.1%}")


def _lowest(check: str, value: float, name: str, threshold: float, *, bad: float) -> Reason:
    text = f"lowest: {value:.1%} (class {name!r})"
    if value >= threshold:
        return Reason(check, "good", text)
    return Reason(check, "bad" if value < bad else "fair", f"{text}; threshold {threshold:.1%}")


def _balance(evaluation: Evaluation, *, low: bool) -> Reason:
    supports = [score.support for score in evaluation.scores]
    most, fewest = max(supports), min(supports)
    ratio = f"imbalance ratio {most / fewest:.1f}" if fewest else "a class without samples"
    text = f"{ratio} ({fewest} to {most} samples per class)"
    if most < _IMBALANCE * fewest:
        return Reason("class balance", "good", text)
    return Reason("class balance", "fair" if low else "good", f"{text}: judge by per-class recall, not by accuracy")


def _of_history(history: Sequence[Epoch], thresholds: Thresholds) -> Iterator[Reason]:
    if not history:
        return
    last = history[-1]
    if not math.isfinite(last.loss):
        yield Reason("loss", "bad", f"not finite in epoch {last.number}")
        return
    if stuck(history) and last.accuracy < thresholds.accuracy:
        level: Level = "bad" if last.accuracy <= _BAD_ACCURACY else "fair"
        yield Reason("accuracy over the epochs", level, f"stuck at {last.accuracy:.1%}")
    if jumping := unstable(history):
        text = f"the {jumping} loss jumps up within the last epochs; a lower learning rate may help"
        yield Reason("loss", "fair", text)
    if last.val_loss is not None:
        yield _gap(history, last.loss, last.val_loss, thresholds.loss_gap)


def _gap(history: Sequence[Epoch], loss: float, val_loss: float, most: float) -> Reason:
    text = f"training {loss:.3g}, validation {val_loss:.3g}{_rise(history)}"
    if val_loss - loss <= most / 2:
        return Reason("loss gap", "good", text)
    level: Level = "bad" if val_loss - loss > most else "fair"
    return Reason("loss gap", level, f"{text}: overfitting")


def _rise(history: Sequence[Epoch]) -> str:
    """That the validation loss has risen since its minimum, as part of a message; empty if it has not."""
    lowest = risen_from(history)
    return "" if lowest is None else f" (risen from {lowest.val_loss:.3g} in epoch {lowest.number})"


def _of_leak(shared: int, samples: int) -> Reason:
    if not shared:
        return Reason("data leakage", "good", "no validation sample is in the training split")
    level: Level = "bad" if shared > _LEAK * samples else "fair"
    return Reason("data leakage", level, f"{shared} of {samples} validation samples are also in the training split")


def _missed(
    evaluation: Evaluation | None, accuracy: float | None, history: Sequence[Epoch], thresholds: Thresholds
) -> Iterator[str]:
    """The gates that were missed or could not be measured."""
    last = history[-1] if history else None
    gap = None if last is None or last.val_loss is None else last.val_loss - last.loss
    if "loss_gap" in thresholds.gates and (gap is None or not gap <= thresholds.loss_gap):
        yield f"--max-loss-gap {thresholds.loss_gap:g}: {'not measured' if gap is None else f'{gap:.4g}'}"
    values = {"accuracy": accuracy}
    for name in ("precision", "recall", "f1"):
        values[name] = None if evaluation is None else getattr(evaluation.scores[_worst(evaluation, name)], name)
    for name, value in values.items():
        limit: float = getattr(thresholds, name)
        if name in thresholds.gates and (value is None or not value >= limit):
            yield f"--min-{name} {limit:g}: {'not measured' if value is None else f'{value:.4g}'}"


def _worst(evaluation: Evaluation, name: str) -> int:
    """The class with the lowest score, among the classes with samples."""
    present = [index for index, score in enumerate(evaluation.scores) if score.support]
    return min(present, key=lambda index: float(getattr(evaluation.scores[index], name)))


def _largest(evaluation: Evaluation) -> str:
    return max(zip(evaluation.scores, evaluation.classes, strict=True), key=lambda pair: pair[0].support)[1]


def _baseline(evaluation: Evaluation) -> float:
    """The accuracy of always predicting the largest class."""
    return max(score.support for score in evaluation.scores) / evaluation.weighted.support
