"""A row of the table of `resnet-lint metrics`, whose errors name the line and the column."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from resnet_lint.shared.errors import UsageError

_Value = TypeVar("_Value")


class Row:
    """A row of a table: its line number, and its values by column."""

    def __init__(self, name: str, line: int, fields: Mapping[str | None, object], columns: Mapping[str, str]) -> None:
        self.place = f"{name}:{line}"
        self._fields = {column: fields.get(title) for column, title in columns.items()}
        self._titles = {column: title.strip() for column, title in columns.items()}

    def text(self, column: str) -> str:
        """The value of a column. Raises UsageError if it is missing, as the other methods do."""
        value = self._fields.get(column)
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{self.place}: missing {self._titles[column]}")
        return value.strip()

    def number(self, column: str, kind: Callable[[str], _Value]) -> _Value:
        text = self.text(column)
        try:
            return kind(text)
        except ValueError:
            raise UsageError(f"{self.place}: {self._titles[column]} {text!r} is not a number") from None

    def share(self, column: str) -> float:
        value = self.number(column, float)
        if not 0 <= value <= 1:
            raise UsageError(f"{self.place}: {self._titles[column]} {value:g} is not between 0 and 1")
        return value

    def flag(self, column: str) -> bool:
        """Whether the value is 1 and not 0."""
        value = self.number(column, float)
        if value not in (0, 1):
            raise UsageError(f"{self.place}: {self._titles[column]} {value:g} is neither 0 nor 1")
        return value == 1

    def has(self, column: str) -> bool:
        value = self._fields.get(column)
        return isinstance(value, str) and bool(value.strip())


def in_natural_order(classes: Iterable[str]) -> list[str]:
    """The names of classes, numbers first and by value."""
    return sorted(classes, key=lambda name: (float(name) if name.isdecimal() else math.inf, name))
