"""The expressions of the values that a loop takes: those that are written out, or those of its iterator."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ..load.project_files import where_files_are
from ..process.limits import TimeUp, time_limit
from .statement_runner import STATEMENT_SECONDS


def values_written_out(loop: ast.For) -> Sequence[ast.expr]:
    """The values of `for size in (128, 101)`; none if they are computed."""
    values = loop.iter.elts if isinstance(loop.iter, (ast.Tuple, ast.List)) else []
    return [] if any(isinstance(value, ast.Starred) for value in values) else values


def runs_to_its_end(loop: ast.For) -> bool:
    """Whether nothing in a loop may leave it early."""
    return not any(isinstance(part, (ast.Break, ast.Return, ast.Raise)) for part in ast.walk(loop))


class LoopValues:
    """The values of `for batch in loader`, as expressions: `first`, and `next` for each that was taken with `take`."""

    def __init__(self, loop: ast.For, namespace: dict[str, Any], root: str) -> None:
        self._namespace = namespace
        self._root = root
        self._iterator: Iterator[Any] | None = None
        self.name = f"_values_{loop.lineno}_{loop.col_offset}"
        """The name of the iterator, once the first value is known."""
        made = ast.Call(ast.Name("iter", ast.Load()), [loop.iter], [])
        self.first = ast.Call(ast.Name("next", ast.Load()), [ast.NamedExpr(ast.Name(self.name, ast.Store()), made)], [])
        self.next = ast.Call(ast.Name("next", ast.Load()), [ast.Name(self.name, ast.Load())], [])

    def take(self, batches: AbstractContextManager[None]) -> bool:
        """Put the next value aside; returns whether it could be computed. Raises StopIteration after the last one."""
        self._iterator = iterator = self._iterator or self._namespace.get(self.name)
        if iterator is None:
            return False
        try:
            with time_limit(STATEMENT_SECONDS), batches:
                value = where_files_are(lambda: next(iterator), self._root)
        except StopIteration:
            raise
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp):
            return False
        self._namespace[self.name] = iter([value])
        return True
