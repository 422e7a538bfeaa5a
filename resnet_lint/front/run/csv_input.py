"""Reads the table of `resnet-lint metrics`: predictions, or a training history."""

from __future__ import annotations

import csv
import io
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.evaluation import MultilabelPredictions, Predictions
from resnet_lint.shared.records.hardware_run import Epoch

from .event_files import is_events, read_events
from .multilabel_columns import has_lists, label_columns, of_columns, of_lists
from .probability_columns import of_probabilities, probability_columns, with_probabilities
from .table_row import Row, in_natural_order

_COLUMNS = (
    "label,prediction[,score] or epoch,loss,accuracy[,val_loss], or label and a column of probabilities per class, "
    "or true_A,pred_A,true_B,pred_B of 0 and 1"
)
_DELIMITERS = ",;\t"

# The names that a column may have, the preferred one first: the accuracy of the validation data is the one to report.
_NAMES = {
    "label": (
        "label",
        "y_true",
        "true",
        "true_label",
        "truth",
        "true_class",
        "target",
        "actual",
        "ground_truth",
        "labels",
        "targets",
    ),
    "prediction": (
        "prediction",
        "y_pred",
        "pred",
        "predicted",
        "predicted_label",
        "pred_label",
        "predicted_class",
        "pred_class",
        "predictions",
        "preds",
    ),
    "score": ("score", "confidence", "probability", "prob", "y_score", "y_prob"),
    "epoch": ("epoch",),
    "step": ("step",),
    "loss": ("train_loss_epoch", "train_loss", "training_loss", "loss", "train_loss_step"),
    "accuracy": (
        *("val_accuracy", "val_acc", "validation_accuracy", "valid_acc", "val_categorical_accuracy"),
        *("val_sparse_categorical_accuracy", "val_binary_accuracy", "accuracy", "acc", "train_accuracy", "train_acc"),
    ),
    "val_loss": ("val_loss", "val_loss_epoch", "validation_loss", "valid_loss"),
}


def read(path: Path) -> Predictions | MultilabelPredictions | tuple[Epoch, ...]:
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
        titles = tuple(reader.fieldnames or ())
        columns = _columns(titles)
        named = {title: title for title in titles} | columns
        rows = [Row(name, reader.line_num, fields, named) for fields in reader]
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{name} is not a CSV file: {error}") from error
    if {"label", "prediction"} <= columns.keys():
        if has_lists(rows):
            return of_lists(rows)
        found = _predictions(name, rows, has_scores="score" in columns)
        return with_probabilities(found, rows, titles, {*columns.values()})
    if "label" in columns and (probabilities := probability_columns(titles, {columns["label"]})):
        return of_probabilities(name, rows, probabilities)
    if by_class := label_columns(titles):
        return of_columns(name, rows, by_class)
    if {"epoch", "loss", "accuracy"} <= columns.keys():
        return tuple(_steps(name, rows) if "step" in columns else _epochs(name, rows))
    if not text.strip():
        raise UsageError(f"{name} is empty")
    raise UsageError(f"{name}: the header must name the columns {_COLUMNS}; it has {', '.join(titles)}")


def _of_events(name: str, rows: Sequence[Mapping[str | None, object]]) -> tuple[Epoch, ...]:
    names = list(dict.fromkeys(str(column) for row in rows for column in row))
    columns = _columns(names)
    if not {"epoch", "loss", "accuracy"} <= columns.keys():
        raise UsageError(f"{name}: no scalars of a loss and an accuracy; it has {', '.join(names) or 'none'}")
    return tuple(_steps(name, [Row(name, number, row, columns) for number, row in enumerate(rows, 1)]))


def _columns(names: Sequence[str]) -> dict[str, str]:
    """The names of the known columns in this file, by their own names."""
    by_name = {name.strip().lower().replace(" ", "_"): name for name in names}
    return {
        column: by_name[found[0]]
        for column, usual in _NAMES.items()
        if (found := [name for name in usual if name in by_name])
    }


def _predictions(name: str, rows: list[Row], *, has_scores: bool) -> Predictions:
    pairs = [(row.text("label"), row.text("prediction")) for row in rows]
    if not pairs:
        raise UsageError(f"{name}: no rows after the header")
    classes = in_natural_order({name for pair in pairs for name in pair})
    if len(classes) < 2:
        raise UsageError(f"{name}: all labels and predictions are {classes[0]!r}; at least two classes are needed")
    index_of = {name: index for index, name in enumerate(classes)}
    labels, predictions = zip(*((index_of[label], index_of[prediction]) for label, prediction in pairs), strict=True)
    scores = tuple(row.share("score") for row in rows) if has_scores else ()
    return Predictions(tuple(classes), labels, predictions, scores)


def _epochs(name: str, rows: list[Row]) -> Iterator[Epoch]:
    if not rows:
        raise UsageError(f"{name}: no rows after the header")
    for row in rows:
        val_loss = row.number("val_loss", float) if row.has("val_loss") else None
        yield Epoch(row.number("epoch", int), row.number("loss", float), row.share("accuracy"), val_loss)


def _steps(name: str, rows: list[Row]) -> Iterator[Epoch]:
    """The epochs of Lightning's `metrics.csv`: several rows per epoch, each with some of the values.

    A value that was logged several times in an epoch is averaged. Epochs without a loss or an accuracy are left out.
    """
    by_epoch: dict[int, list[Row]] = {}
    for row in rows:
        if not (row.has("epoch") or row.has("loss") or row.has("accuracy")):
            continue  # of a callback that logs by step, such as LearningRateMonitor
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
