"""Reads a table of samples with any number of labels: columns of 0 and 1 per class, or lists of classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.evaluation import MultilabelPredictions

from .table_row import Row, in_natural_order

_LABELS = ("y_true", "true", "label", "target", "actual")
_PREDICTIONS = ("y_pred", "pred", "predicted", "prediction")
_NUMBERS = re.compile(r"\d+( \d+)*")
_FRACTION = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?")


def label_columns(titles: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """The columns of the label and the prediction by class: `true_cat,pred_cat` or `cat_true,cat_pred`."""
    by_name = {title.strip().lower(): title for title in titles}
    found: dict[str, tuple[str, str | None]] = {}
    for name, title in by_name.items():
        for word in _LABELS:
            form = _form(name, word)
            if form and form[1] not in found:
                predictions = (by_name.get(form[0].format(other)) for other in _PREDICTIONS)
                found[form[1]] = title, next((other for other in predictions if other), None)
    return found if len(found) > 1 else {}


def _form(name: str, word: str) -> tuple[str, str] | None:
    """The form of a column with a word for its kind, and the class that it names: `{}_cat` and `cat`."""
    if name.startswith(f"{word}_"):
        class_name = name[len(word) + 1 :]
        return f"{{}}_{class_name}", class_name
    if name.endswith(f"_{word}"):
        class_name = name[: -len(word) - 1]
        return f"{class_name}_{{}}", class_name
    return None


def of_columns(name: str, rows: Sequence[Row], columns: dict[str, tuple[str, str | None]]) -> MultilabelPredictions:
    """The labels and predictions of columns of 0 and 1. Raises UsageError."""
    if not rows:
        raise UsageError(f"{name}: no rows after the header")
    pairs = []
    for label, prediction in columns.values():
        if prediction is None:
            raise UsageError(f"{name}: no column of predictions for {label.strip()}, such as pred_... beside true_...")
        pairs.append((label, prediction))
    labels, predicted = (
        tuple(tuple(index for index, pair in enumerate(pairs) if row.flag(pair[side])) for row in rows)
        for side in (0, 1)
    )
    return MultilabelPredictions(tuple(columns), labels, predicted)


def has_lists(rows: Sequence[Row]) -> bool:
    """Whether a label or prediction is a list: `[cat, dog]`, `cat|dog`, or numbers alone, at least once several."""
    cells = [row.text(column) for row in rows for column in ("label", "prediction") if row.has(column)]
    if any((cell[0] in "[({" and cell[-1] in "])}") or "|" in cell for cell in cells):
        return True
    return any(" " in cell for cell in cells) and all(_NUMBERS.fullmatch(cell) for cell in cells)


def of_lists(rows: Sequence[Row]) -> MultilabelPredictions:
    """The labels and predictions of lists. An empty cell is a list without labels. Raises UsageError."""
    sides = [[_names(row, column) for row in rows] for column in ("label", "prediction")]
    if _are_flags([names for side in sides for names in side]):
        sides = [[[str(index) for index, flag in enumerate(names) if flag == "1"] for names in side] for side in sides]
    classes = in_natural_order({name for side in sides for names in side for name in names})
    if len(classes) < 2:
        raise UsageError(f"{rows[0].place}: at least two classes are needed in the lists")
    index_of = {name: index for index, name in enumerate(classes)}
    labels, predicted = (tuple(tuple(sorted({index_of[name] for name in names})) for names in side) for side in sides)
    return MultilabelPredictions(tuple(classes), labels, predicted)


def _names(row: Row, column: str) -> list[str]:
    """The classes of a cell: `[cat, dog]`, `['cat' 'dog']`, `cat|dog` or `0 2`."""
    cell = row.text(column).replace("set()", "") if row.has(column) else ""
    is_bracketed = cell[:1] in ("[", "(", "{")
    inside = cell.strip("[](){}")
    separator = next((mark for mark in "|,;" if mark in inside), None)
    if separator is None and (is_bracketed or _NUMBERS.fullmatch(inside)):
        parts = re.findall(r"'[^']*'|\"[^\"]*\"|[^\s]+", inside)
    else:
        parts = inside.split(separator) if separator else [inside]
    names = [part.strip().strip("'\"") for part in parts if part.strip()]
    if any(_FRACTION.fullmatch(name) for name in names):
        raise UsageError(
            f"{row.place}: {column} {cell!r} is a list of scores; give a column of probabilities per class"
        )
    return names


def _are_flags(lists: Sequence[Sequence[str]]) -> bool:
    """Whether all lists have one 0 or 1 per class."""
    lengths = {len(names) for names in lists}
    values = {name for names in lists for name in names}
    return len(lengths) == 1 and lengths.isdisjoint({0, 1}) and values <= {"0", "1"}
