"""Reads the table of `resnet-lint metrics`: predictions, or a training history."""

from __future__ import annotations

import csv
import io
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.hardware_run import Epoch, Predictions

from .event_files import is_events, read_events

_COLUMNS = "label,prediction[,score] or epoch,loss,accuracy[,val_loss]"
_DELIMITERS = ",;\t"
_Value = TypeVar("_Value")

# The names that a column may have, the preferred one first: the accuracy of the validation data is the one to report.
_NAMES = {
    "label": ("label", "y_true", "true", "true_label", "target", "actual", "ground_truth", "labels", "targets"),
    "prediction": ("prediction", "y_pred", "pred", "predicted", "predicted_label", "predictions", "preds"),
    "score": ("score", "confidence", "probability", "prob", "y_score", "y_prob"),
    "epoch": ("epoch",),
    "step": ("step",),
    "loss": ("train_loss_epoch", "train_loss", "training_loss", "loss", "train_loss_step"),
    "accuracy": ("val_accuracy", "val_acc", "validation_accuracy", "valid_acc", "accuracy", "acc", "train_acc"),
    "val_loss": ("val_loss", "val_loss_epoch", "validation_loss", "valid_loss"),
}


def read(path: Path) -> Predictions | tuple[Epoch, ...]:
    """Read the predictions or the history from a table with a header, or from standard input for `-`.

    The delimiter is a comma, semicolon or tab. An event file of TensorBoard, or a folder with some, is a history.
    Raises UsageError.
    """
    name = "standard input" if str(path) == "-" else str(path)
    if is_events(path):
        return _of_events(name, read_events(path))
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = data.decode("utf-8-sig")
        delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
        columns = _columns(reader.fieldnames or ())
        rows = [_Row(name, reader.line_num, fields, columns) for fields in reader]
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{name} is not a CSV file: {error}") from error
    if {"label", "prediction"} <= columns.keys():
        return _predictions(name, rows, has_scores="score" in columns)
    if {"epoch", "loss", "accuracy"} <= columns.keys():
        return tuple(_steps(name, rows) if "step" in columns else _epochs(name, rows))
    raise UsageError(f"{name}: the header must name the columns {_COLUMNS}")


def _of_events(name: str, rows: Sequence[Mapping[str | None, object]]) -> tuple[Epoch, ...]:
    names = list(dict.fromkeys(str(column) for row in rows for column in row))
    columns = _columns(names)
    if not {"epoch", "loss", "accuracy"} <= columns.keys():
        raise UsageError(f"{name}: no scalars of a loss and an accuracy; it has {', '.join(names) or 'none'}")
    return tuple(_steps(name, [_Row(name, number, row, columns) for number, row in enumerate(rows, 1)]))


def _columns(names: Sequence[str]) -> dict[str, str]:
    """The names of the known columns in this file, by their own names."""
    by_name = {name.strip().lower().replace(" ", "_"): name for name in names}
    return {
        column: by_name[found[0]]
        for column, usual in _NAMES.items()
        if (found := [name for name in usual if name in by_name])
    }


class _Row:
    """A row of the table: its line number, and its values by column."""

    def __init__(self, name: str, line: int, fields: Mapping[str | None, object], columns: Mapping[str, str]) -> None:
        self._place = f"{name}:{line}"
        self._fields = {column: fields.get(title) for column, title in columns.items()}
        self._titles = {column: title.strip() for column, title in columns.items()}

    def text(self, column: str) -> str:
        value = self._fields.get(column)
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{self._place}: missing {self._titles[column]}")
        return value.strip()

    def number(self, column: str, kind: Callable[[str], _Value]) -> _Value:
        text = self.text(column)
        try:
            return kind(text)
        except ValueError:
            raise UsageError(f"{self._place}: {self._titles[column]} {text!r} is not a number") from None

    def share(self, column: str) -> float:
        value = self.number(column, float)
        if not 0 <= value <= 1:
            raise UsageError(f"{self._place}: {self._titles[column]} {value:g} is not between 0 and 1")
        return value

    def has(self, column: str) -> bool:
        value = self._fields.get(column)
        return isinstance(value, str) and bool(value.strip())


def _predictions(name: str, rows: list[_Row], *, has_scores: bool) -> Predictions:
    pairs = [(row.text("label"), row.text("prediction")) for row in rows]
    if not pairs:
        raise UsageError(f"{name}: no rows after the header")
    classes = sorted({name for pair in pairs for name in pair}, key=_natural)
    if len(classes) < 2:
        raise UsageError(f"{name}: all labels and predictions are {classes[0]!r}; at least two classes are needed")
    index_of = {name: index for index, name in enumerate(classes)}
    labels, predictions = zip(*((index_of[label], index_of[prediction]) for label, prediction in pairs), strict=True)
    scores = tuple(row.share("score") for row in rows) if has_scores else ()
    return Predictions(tuple(classes), labels, predictions, scores)


def _natural(name: str) -> tuple[float, str]:
    """Sort key: numbers first, by value."""
    return (float(name) if name.isdecimal() else math.inf, name)


def _epochs(name: str, rows: list[_Row]) -> Iterator[Epoch]:
    if not rows:
        raise UsageError(f"{name}: no rows after the header")
    for row in rows:
        val_loss = row.number("val_loss", float) if row.has("val_loss") else None
        yield Epoch(row.number("epoch", int), row.number("loss", float), row.share("accuracy"), val_loss)


def _steps(name: str, rows: list[_Row]) -> Iterator[Epoch]:
    """The epochs of Lightning's `metrics.csv`: several rows per epoch, each with some of the values.

    A value that was logged several times in an epoch is averaged. Epochs without a loss or an accuracy are left out.
    """
    by_epoch: dict[int, list[_Row]] = {}
    for row in rows:
        by_epoch.setdefault(row.number("epoch", int), []).append(row)
    epochs = []
    for number, logged in sorted(by_epoch.items()):
        losses = [row.number("loss", float) for row in logged if row.has("loss")]
        accuracies = [row.share("accuracy") for row in logged if row.has("accuracy")]
        val_losses = [row.number("val_loss", float) for row in logged if row.has("val_loss")]
        if losses and accuracies:
            val_loss = statistics.fmean(val_losses) if val_losses else None
            epochs.append(Epoch(number, statistics.fmean(losses), statistics.fmean(accuracies), val_loss))
    if not epochs:
        raise UsageError(f"{name}: no epoch has both a loss and an accuracy")
    yield from epochs
