"""Reads the CSV file of `resnet-lint metrics`: predictions, or a training history."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.hardware_run import Epoch, Predictions

_COLUMNS = "label,prediction[,score] or epoch,loss,accuracy[,val_loss]"
_Value = TypeVar("_Value")


def read(path: Path) -> Predictions | tuple[Epoch, ...]:
    """Read the predictions or the history from a CSV file with a header. Raises UsageError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, skipinitialspace=True, strict=True)
            rows = [_Row(path, reader.line_num, fields) for fields in reader]
            columns = {name.strip() for name in reader.fieldnames or ()}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not a CSV file: {error}") from error
    if {"label", "prediction"} <= columns:
        return _predictions(path, rows, has_scores="score" in columns)
    if {"epoch", "loss", "accuracy"} <= columns:
        return tuple(_epochs(path, rows))
    raise UsageError(f"{path}: the header must name the columns {_COLUMNS}")


class _Row:
    """A row of the table: its line number, and its values by column name."""

    def __init__(self, path: Path, line: int, fields: Mapping[str | None, object]) -> None:
        self._place = f"{path}:{line}"
        self._fields = {name.strip(): value for name, value in fields.items() if name is not None}

    def text(self, column: str) -> str:
        value = self._fields.get(column)
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{self._place}: missing {column}")
        return value.strip()

    def number(self, column: str, kind: Callable[[str], _Value]) -> _Value:
        text = self.text(column)
        try:
            return kind(text)
        except ValueError:
            raise UsageError(f"{self._place}: {column} {text!r} is not a number") from None

    def share(self, column: str) -> float:
        value = self.number(column, float)
        if not 0 <= value <= 1:
            raise UsageError(f"{self._place}: {column} {value:g} is not between 0 and 1")
        return value

    def has(self, column: str) -> bool:
        return bool(self._fields.get(column))


def _predictions(path: Path, rows: list[_Row], *, has_scores: bool) -> Predictions:
    pairs = [(row.text("label"), row.text("prediction")) for row in rows]
    if not pairs:
        raise UsageError(f"{path}: no rows after the header")
    classes = sorted({name for pair in pairs for name in pair}, key=_natural)
    if len(classes) < 2:
        raise UsageError(f"{path}: all labels and predictions are {classes[0]!r}; at least two classes are needed")
    index_of = {name: index for index, name in enumerate(classes)}
    labels, predictions = zip(*((index_of[label], index_of[prediction]) for label, prediction in pairs), strict=True)
    scores = tuple(row.share("score") for row in rows) if has_scores else ()
    return Predictions(tuple(classes), labels, predictions, scores)


def _natural(name: str) -> tuple[float, str]:
    """Sort key: numbers first, by value."""
    return (float(name) if name.isdecimal() else math.inf, name)


def _epochs(path: Path, rows: list[_Row]) -> Iterator[Epoch]:
    if not rows:
        raise UsageError(f"{path}: no rows after the header")
    for row in rows:
        val_loss = row.number("val_loss", float) if row.has("val_loss") else None
        yield Epoch(row.number("epoch", int), row.number("loss", float), row.share("accuracy"), val_loss)
