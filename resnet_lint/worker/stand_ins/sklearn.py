"""Scalers and splits of scikit-learn, with the shapes of the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["LabelEncoder", "MaxAbsScaler", "MinMaxScaler", "RobustScaler", "StandardScaler", "train_test_split"]


class StandardScaler:
    """Keeps the values: a check needs their shape and type only."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take the options of all scalers."""

    def fit(self, values: Any, y: Any = None) -> StandardScaler:
        return self

    def transform(self, values: Any) -> Any:
        import numpy

        return numpy.asarray(values).astype(float)

    inverse_transform = transform

    def fit_transform(self, values: Any, y: Any = None) -> Any:
        return self.transform(values)


MaxAbsScaler = MinMaxScaler = RobustScaler = StandardScaler


class LabelEncoder:
    """Numbers the different labels in order."""

    def fit(self, labels: Any) -> LabelEncoder:
        import numpy

        self.classes_ = numpy.unique(numpy.asarray(labels))
        return self

    def transform(self, labels: Any) -> Any:
        import numpy

        return numpy.searchsorted(self.classes_, numpy.asarray(labels))

    def fit_transform(self, labels: Any) -> Any:
        return self.fit(labels).transform(labels)


def train_test_split(*arrays: Any, test_size: Any = None, train_size: Any = None, **options: Any) -> list[Any]:
    """Both parts of each array, in the order of the rows."""
    number = len(arrays[0])
    tests = _number(test_size, number) if test_size is not None else number - _number(train_size or 0.75, number)
    return [part for array in arrays for part in _parts(array, number - tests)]


def _number(size: float, of: int) -> int:
    return size if isinstance(size, int) else round(size * of)


def _parts(array: Any, number: int) -> Iterator[Any]:
    rows = array.iloc if hasattr(array, "iloc") else array
    yield from (rows[:number], rows[number:])
