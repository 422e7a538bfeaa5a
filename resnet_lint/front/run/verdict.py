"""Whether the numbers are fit for production: a verdict, with a reason for each thing that was looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from resnet_lint.shared.records.hardware_run import Epoch, Evaluation, Level, Reason, Thresholds, Verdict

from .learning_curve import stuck, unstable

# Below these, a number is bad, and not only less than wanted.
_BAD_ACCURACY = 0.60
_BAD_RECALL = 0.50
# The largest class may have so many times the samples of the smallest.
_IMBALANCE = 5.0
# The share of validation samples that may be among the training samples before it is bad.
_LEAK = 0.01


def judge(
    evaluation: Evaluation | None,
    history: Sequence[Epoch],
    thresholds: Thresholds,
    *,
    shared_samples: int | None = None,
    silent_mistakes: Sequence[str] = (),
) -> Verdict:
    """The verdict on an evaluation, a training, or both.

    `shared_samples` counts the validation samples that are among the training samples too; `silent_mistakes` are the
    lint's findings on skip connections that run but are wrong.
    """
    accuracy = evaluation.accuracy if evaluation is not None else history[-1].accuracy if history else None
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
    if evaluation.accuracy >= thresholds.accuracy and recall < _BAD_RECALL:
        yield Reason(
            "accuracy paradox", "bad",
            f"an accuracy of {evaluation.accuracy:.1%} hides a recall of {recall:.1%} for {name!r}: "
            f"to answer {_largest(evaluation)!r} always would reach {_baseline(evaluation):.1%}",
        )  # fmt: skip
    yield _least("recall", recall, name, thresholds.recall, bad=_BAD_RECALL)
    worst = _worst(evaluation, "precision")
    yield _least(
        "precision", evaluation.scores[worst].precision, evaluation.classes[worst], thresholds.precision, bad=0.0
    )
    yield _balance(evaluation, low=recall < thresholds.recall)


def _accuracy(accuracy: float, thresholds: Thresholds) -> Reason:
    if accuracy >= thresholds.accuracy:
        return Reason("accuracy", "good", f"{accuracy:.1%} of the answers are right")
    level: Level = "bad" if accuracy <= _BAD_ACCURACY else "fair"
    return Reason("accuracy", level, f"{accuracy:.1%} of the answers are right; {thresholds.accuracy:.1%} are wanted")


def _least(check: str, value: float, name: str, threshold: float, *, bad: float) -> Reason:
    text = f"the least is {value:.1%}, for {name!r}"
    if value >= threshold:
        return Reason(check, "good", text)
    return Reason(check, "bad" if value < bad else "fair", f"{text}; {threshold:.1%} is wanted of every class")


def _balance(evaluation: Evaluation, *, low: bool) -> Reason:
    supports = [score.support for score in evaluation.scores]
    most, fewest = max(supports), min(supports)
    text = f"from {fewest} to {most} samples a class"
    if most < _IMBALANCE * fewest:
        return Reason("class balance", "good", text)
    return Reason("class balance", "fair" if low else "good", f"{text}: read the recall of each, not the accuracy")


def _of_history(history: Sequence[Epoch], thresholds: Thresholds) -> Iterator[Reason]:
    if not history:
        return
    last = history[-1]
    if not math.isfinite(last.loss):
        yield Reason("loss", "bad", f"it is no longer a number in epoch {last.number}")
        return
    if stuck(history) and last.accuracy < thresholds.accuracy:
        level: Level = "bad" if last.accuracy <= _BAD_ACCURACY else "fair"
        yield Reason("accuracy over the epochs", level, f"stuck at {last.accuracy:.1%}")
    if unstable(history):
        yield Reason("loss", "fair", "it jumps up within the last epochs; a smaller --lr may help")
    if last.val_loss is not None:
        yield _gap(last.loss, last.val_loss, thresholds.loss_gap)


def _gap(loss: float, val_loss: float, most: float) -> Reason:
    text = f"training {loss:.3g}, validation {val_loss:.3g}"
    if val_loss - loss <= most / 2:
        return Reason("loss gap", "good", text)
    level: Level = "bad" if val_loss - loss > most else "fair"
    return Reason("loss gap", level, f"{text}: the model overfits")


def _of_leak(shared: int, samples: int) -> Reason:
    if not shared:
        return Reason("data leakage", "good", "no validation sample is among the training samples")
    level: Level = "bad" if shared > _LEAK * samples else "fair"
    return Reason("data leakage", level, f"{shared} of {samples} validation samples are among the training samples too")


def _missed(
    evaluation: Evaluation | None, accuracy: float | None, history: Sequence[Epoch], thresholds: Thresholds
) -> Iterator[str]:
    """The user's own limits that were missed, or that nothing measured."""
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
    """The class with the least of a score; one without samples has no recall to speak of."""
    present = [index for index, score in enumerate(evaluation.scores) if score.support]
    return min(present, key=lambda index: float(getattr(evaluation.scores[index], name)))


def _largest(evaluation: Evaluation) -> str:
    return max(zip(evaluation.scores, evaluation.classes, strict=True), key=lambda pair: pair[0].support)[1]


def _baseline(evaluation: Evaluation) -> float:
    """The accuracy of answering the largest class always."""
    return max(score.support for score in evaluation.scores) / evaluation.weighted.support
