"""Reads a table with a label and one column of probabilities per class, such as `label,prob_cat,prob_dog`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.evaluation import Predictions

from .table_row import Row

_PREFIXES = ("probability_", "proba_", "prob_", "score_", "y_prob_", "y_score_", "y_pred_", "pred_", "class_", "p_")
_NAMES_OF_SAMPLES = ("", "id", "index", "idx", "unnamed: 0", "sample", "image", "file", "filename", "path", "name")
_ROUNDED = 0.01  # by how much the sum of rounded probabilities may differ from 1


def probability_columns(titles: Iterable[str], known: Set[str]) -> dict[str, str]:
    """The columns of probabilities by their classes: those with a usual prefix, or all beside the known ones."""
    others = [title for title in titles if title not in known and title.strip().lower() not in _NAMES_OF_SAMPLES]
    for prefix in _PREFIXES:
        found = [title for title in others if title.strip().lower().startswith(prefix)]
        if len(found) > 1:
            return {title.strip()[len(prefix) :]: title for title in found}
    return {title.strip(): title for title in others} if len(others) > 1 else {}


def of_probabilities(name: str, rows: Sequence[Row], columns: dict[str, str]) -> Predictions:
    """The predictions of the most probable classes. Raises UsageError."""
    if not rows:
        raise UsageError(f"{name}: no rows after the header")
    classes = tuple(columns)
    labels = _labels(rows, classes)
    probabilities = tuple(_of_row(row, tuple(columns.values())) for row in rows)
    scores = tuple(max(row) for row in probabilities)
    predicted = tuple(row.index(score) for row, score in zip(probabilities, scores, strict=True))
    return Predictions(classes, labels, predicted, scores, probabilities)


def with_probabilities(found: Predictions, rows: Sequence[Row], titles: Iterable[str], known: Set[str]) -> Predictions:
    """The predictions with the probabilities of all classes, if these are the other columns.

    The predictions stay as they are: they may have been made with a threshold.
    """
    columns = probability_columns(titles, known)
    if not set(found.classes) <= columns.keys():
        return found
    try:
        probabilities = tuple(_of_row(row, tuple(columns.values())) for row in rows)
    except UsageError:  # other numbers, such as logits
        return found
    classes = tuple(columns)
    index_of = [classes.index(name) for name in found.classes]
    labels, predicted = (tuple(index_of[index] for index in old) for old in (found.labels, found.predicted))
    scores = found.scores or tuple(row[index] for row, index in zip(probabilities, predicted, strict=True))
    return Predictions(classes, labels, predicted, scores, probabilities)


def _labels(rows: Sequence[Row], classes: Sequence[str]) -> tuple[int, ...]:
    """The indices of the labels, which are names of classes or numbers of columns."""
    numbers = {name: index for index, name in enumerate(classes)}
    if not any(row.text("label") in numbers for row in rows):
        numbers = {str(index): index for index in range(len(classes))}
    for row in rows:
        if row.text("label") not in numbers:
            known = ", ".join(classes[:5]) + (", ..." if len(classes) > 5 else "")
            raise UsageError(f"{row.place}: label {row.text('label')!r} is not one of the columns {known}")
    return tuple(numbers[row.text("label")] for row in rows)


def _of_row(row: Row, titles: Sequence[str]) -> tuple[float, ...]:
    values = tuple(row.share(title) for title in titles)
    if abs(sum(values) - 1) > _ROUNDED:
        raise UsageError(f"{row.place}: the probabilities of the classes add up to {sum(values):.4g} and not to 1")
    return values
