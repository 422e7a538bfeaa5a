"""Patches the functions that read tables: a missing file gives a table with the columns that the script names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from ..stand_ins.tables import missing_array, missing_table

_READERS: Mapping[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
    "pandas": (("read_csv", "read_excel", "read_parquet", "read_table"), missing_table),
    "numpy": (("genfromtxt", "loadtxt"), missing_array),
}


def readers() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """What to replace of the packages that the script has imported: owner, name and replacement."""
    for package, (names, made_up) in _READERS.items():
        owner = sys.modules.get(package)
        for name in names:
            original = vars(owner).get(name) if owner is not None else None
            if original is not None:
                yield owner, name, _reading(original, made_up)


def _reading(original: Callable[..., Any], made_up: Callable[[str], Any]) -> Callable[..., Any]:
    @wraps(original)
    def read(file: Any, *args: Any, **options: Any) -> Any:
        try:
            return original(file, *args, **options)
        except OSError:  # it is not there, or on the network
            return made_up(str(file))

    return read
