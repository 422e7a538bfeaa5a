"""Replaces tables whose file is missing, with the columns that the script names or counts.

`df[["age", "income"]].values` has two columns, and `df.iloc[:, 1:8].values` seven. The full set of columns is unknown:
reading it raises FileNotFoundError. The number of rows, the dtypes and the values are guesses that differ between the
two trials of a script.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..outside import OUTSIDE

_KEEP_COLUMNS = frozenset(
    {"astype", "bfill", "copy", "dropna", "drop_duplicates", "ffill", "fillna", "reset_index", "sample", "sort_index"}
)
_SUMMARIES = frozenset({"max", "mean", "median", "min", "std", "sum"})


def missing_table(name: str) -> MissingTable:
    """The table of a file that is not there."""
    return MissingTable(name, None)


def missing_array(name: str) -> MissingCells:
    """The array of a text file that is not there, which is read by position only."""
    return MissingCells(missing_table(name), _array)


class MissingTable:
    """A data frame with a number of columns; None if it is unknown."""

    def __init__(self, file: str, columns: int | None, names: tuple[Any, ...] = ()) -> None:
        self._file, self._columns, self._names = file, columns, names

    def __getattr__(self, name: str) -> Any:
        if name in _KEEP_COLUMNS or name in _SUMMARIES:
            return lambda *args, **kwargs: self
        raise _lacks(name, self._file)

    def __getitem__(self, key: Any) -> MissingTable:
        if isinstance(key, (list, tuple)):
            return MissingTable(self._file, len(key), tuple(key))
        return self if isinstance(key, MissingColumn) else MissingColumn(self._file)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Columns that the script adds are named where they are read."""

    def drop(self, labels: Any = None, *, axis: Any = 0, columns: Any = None, **options: Any) -> MissingTable:
        """Without rows, or without columns, of those whose names are known."""
        dropped = columns if columns is not None else labels if axis in (1, "columns") else ()
        left = tuple(name for name in self._names if name not in ([dropped] if isinstance(dropped, str) else dropped))
        if dropped == ():
            return self
        return MissingTable(self._file, len(left) if self._names else None, left)

    @property
    def iloc(self) -> MissingCells:
        return MissingCells(self)

    loc = iat = at = iloc

    @property
    def values(self) -> Any:
        return _array(self)

    def to_numpy(self, dtype: Any = None, **options: Any) -> Any:
        return self.values.astype(dtype) if dtype is not None else self.values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.to_numpy(dtype)

    def __len__(self) -> int:
        return _rows()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    def _over(self, other: Any) -> MissingTable:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _over


class MissingColumn(MissingTable):
    """One column of a table."""

    def __init__(self, file: str) -> None:
        super().__init__(file, None)

    def __getitem__(self, key: Any) -> Any:
        return _cell() if isinstance(key, int) else self

    def map(self, *args: Any, **kwargs: Any) -> MissingColumn:
        return self

    apply = replace = clip = map

    def nunique(self, *args: Any, **kwargs: Any) -> int:
        return OUTSIDE.guess("classes")

    def unique(self) -> Any:
        import numpy

        return numpy.arange(self.nunique())

    def max(self, *args: Any, **kwargs: Any) -> int:
        return self.nunique() - 1

    def min(self, *args: Any, **kwargs: Any) -> int:
        OUTSIDE.read()
        return 0

    def mean(self, *args: Any, **kwargs: Any) -> float:
        return self.nunique() / 2

    median = std = mean

    def tolist(self) -> list[Any]:
        return list(self.values.tolist())

    def _compared(self, other: Any) -> MissingColumn:
        return self

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __and__ = __or__ = _compared  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]

    def __invert__(self) -> MissingColumn:
        return self


class MissingCells:
    """Reads a table by position or name: `iloc[:, 1:8]`, `loc[i, "label"]`; `as_array` makes an array of the result."""

    def __init__(self, table: MissingTable, as_array: Callable[[MissingTable], Any] | None = None) -> None:
        self._table, self._as_array = table, as_array

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        part = _columns_of(self._table, columns)
        if self._as_array is not None:
            return self._as_array(part)[rows]
        return _of_one_row(part) if isinstance(rows, int) else part

    def __getattr__(self, name: str) -> Any:
        raise _lacks(name, self._table._file)

    def __len__(self) -> int:
        return _rows()


class _Row:
    """A row of a table."""

    def __init__(self, table: MissingTable) -> None:
        self._table = table

    def __getitem__(self, key: Any) -> Any:
        return _of_one_row(self._table[key])

    def __getattr__(self, name: str) -> Any:
        raise _lacks(name, self._table._file)

    @property
    def values(self) -> Any:
        return self._table.values[0]

    def to_numpy(self, dtype: Any = None, **options: Any) -> Any:
        return self._table.to_numpy(dtype)[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.to_numpy(dtype)


class MissingCell:
    """A value, which may be an integer, a floating-point number or the name of a file."""

    def __str__(self) -> str:
        return f"missing{OUTSIDE.trial}"

    __fspath__ = __str__

    def __format__(self, spec: str) -> str:
        return str(self)

    def __add__(self, other: Any) -> Any:
        return str(self) + other if isinstance(other, str) else self._number() + other

    def __radd__(self, other: Any) -> Any:
        return other + str(self) if isinstance(other, str) else other + self._number()

    def _number(self) -> Any:
        raise NotImplementedError


class _Integer(MissingCell, int):
    _number = int.__int__


class _Float(MissingCell, float):
    _number = float.__float__


def _cell() -> MissingCell:
    """A number whose type is another one in the second trial."""
    OUTSIDE.read()
    return _Float(1.0) if OUTSIDE.trial else _Integer(0)


def _of_one_row(part: MissingTable) -> MissingCell | _Row:
    return _cell() if isinstance(part, MissingColumn) else _Row(part)


def _columns_of(table: MissingTable, columns: Any) -> MissingTable:
    """The columns with a position or name, or with as many as are written out."""
    if isinstance(columns, (int, str, list, tuple)):
        return table[columns]
    if not isinstance(columns, slice) or columns == slice(None):
        return table
    known = table._columns
    return MissingTable(table._file, _width(columns) if known is None else len(range(*columns.indices(known))))


def _width(columns: slice) -> int | None:
    """The number of columns of a slice whose ends are counted from the same side; None for others."""
    start, stop = columns.start or 0, columns.stop
    if stop is None and start < 0:
        return len(range(start, 0, columns.step or 1))
    if stop is None or (start < 0) != (stop < 0):
        return None
    return len(range(start, stop, columns.step or 1))


def _array(table: MissingTable) -> Any:
    """The values, as integers or floating-point numbers, which is unknown too. Raises FileNotFoundError."""
    import numpy

    rows, columns = _rows(), table._columns
    if columns is None and not isinstance(table, MissingColumn):
        raise _unknown(table._file)
    values = numpy.arange(rows) % OUTSIDE.number("classes")
    typed = values if OUTSIDE.trial else values.astype(float)
    return typed if columns is None else numpy.repeat(typed[:, None], columns, axis=1)


def _rows() -> int:
    return 16 * OUTSIDE.guess("rows")


def _lacks(name: str, file: str) -> Exception:
    """The error of an attribute: protocols such as that of NumPy's arrays ask for names that no table has."""
    return AttributeError(name) if name.startswith("__") else _unknown(file)


def _unknown(file: str) -> FileNotFoundError:
    return FileNotFoundError(f"No such file or directory: {file!r}")
