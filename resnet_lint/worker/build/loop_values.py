"""The expressions of the values that a loop takes: those that are written out, or those of its iterator."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from operator import length_hint
from typing import Any

from ..load.definitions import names_bound, names_read
from ..load.project_files import where_files_are
from ..outside import OUTSIDE
from ..process.limits import TimeUp, time_limit
from .script_surroundings import MOST_BATCHES, ScriptMode
from .statement_runner import STATEMENT_SECONDS

MOST_LITERAL = 6
_MOST_SKIPPED = 100_000


def values_written_out(loop: ast.For) -> Sequence[ast.expr]:
    """The values of `for size in (128, 101)`; none if they are computed."""
    values = loop.iter.elts if isinstance(loop.iter, (ast.Tuple, ast.List)) else []
    return [] if any(isinstance(value, ast.Starred) for value in values) else values


def runs_to_its_end(loop: ast.For) -> bool:
    """Whether nothing in a loop may leave it early."""
    return not any(isinstance(part, (ast.Break, ast.Return, ast.Raise)) for part in ast.walk(loop))


class LoopValues:
    """The values of `for batch in loader`, as expressions: `first`, and `next` for each that was taken.

    `rest` is the name of an iterator of those that are left after `take_last`.
    """

    def __init__(self, loop: ast.For, namespace: dict[str, Any], root: str, mode: ScriptMode) -> None:
        self._loop = loop
        self._namespace = namespace
        self._root = root
        self._mode = mode
        self._iterator: Iterator[Any] | None = None
        self.name = f"_values_{loop.lineno}_{loop.col_offset}"
        """The name of the iterator, once the first value is known."""
        self.are_many = False  # the rest is too many batches to run for all of them
        self.rest = f"_rest_{loop.lineno}_{loop.col_offset}"
        made = ast.Call(ast.Name("iter", ast.Load()), [loop.iter], [])
        self.first = ast.Call(ast.Name("next", ast.Load()), [ast.NamedExpr(ast.Name(self.name, ast.Store()), made)], [])
        self.next = ast.Call(ast.Name("next", ast.Load()), [ast.Name(self.name, ast.Load())], [])

    @property
    def are_few(self) -> bool:
        """Whether a few numbers are left, as after the first one of `range(3)`."""
        iterator = self._iterator or self._namespace.get(self.name)
        return isinstance(iterator, type(iter(range(0)))) and length_hint(iterator) < MOST_LITERAL

    def take(self) -> bool:
        """Put the next value aside; returns whether it could be computed. Raises StopIteration after the last one."""
        self._iterator = iterator = self._iterator or self._namespace.get(self.name)
        if iterator is None:
            return False
        try:
            with time_limit(STATEMENT_SECONDS), self._mode.batches("next"):
                value = where_files_are(lambda: next(iterator), self._root)
        except StopIteration:
            raise
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp):
            return False
        self._namespace[self.name] = iter([value])
        return True

    def take_last(self) -> bool:
        """Put the value of the last round aside; returns whether that round may fail although the first one works.

        It may at the last batch of a loader, if that has fewer samples, and at the last slice of the data. Then
        `OUTSIDE.last_round` describes it.
        """
        iterator = self._iterator or self._namespace.get(self.name)
        if iterator is None:
            return False
        try:
            with time_limit(STATEMENT_SECONDS), self._mode.batches("last"):
                skipped = where_files_are(lambda: self._until_the_last(iterator), self._root)
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp):
            return False
        is_batch = OUTSIDE.last_round is not None
        is_slice = not self._mode.is_skipping and _takes_slices(self._loop) and 0 < len(skipped) < _MOST_SKIPPED
        if is_slice:
            OUTSIDE.last_round = f"the last round of the loop in line {self._loop.lineno}"
        self._namespace[self.name] = iter(skipped[-1:])
        self._namespace[self.rest] = chain(skipped, iterator)
        self.are_many = self._mode.is_skipping and len(skipped) >= MOST_BATCHES
        return is_batch or is_slice

    def _until_the_last(self, iterator: Iterator[Any]) -> list[Any]:
        """The values up to the last one of a loader or of a loop that takes slices; of others, the next one."""
        values = []
        for value in islice(iterator, _MOST_SKIPPED):
            values.append(value)
            if OUTSIDE.last_round is not None or not (self._mode.is_skipping or _takes_slices(self._loop)):
                break
        return values


def _takes_slices(loop: ast.For) -> bool:
    """Whether a loop takes slices by a number: `for i in range(0, len(x), 32)`, or `x[i * 32 : (i + 1) * 32]` below."""
    numbers = loop.iter
    while isinstance(numbers, ast.Call) and ast.unparse(numbers.func).endswith(("tqdm", "enumerate")) and numbers.args:
        numbers = numbers.args[0]
    if not isinstance(numbers, ast.Call) or ast.unparse(numbers.func) not in ("range", "trange", "tqdm.trange"):
        return False
    slices = [part for statement in loop.body for part in ast.walk(statement) if isinstance(part, ast.Slice)]
    return len(numbers.args) == 3 or not names_bound(loop.target).isdisjoint(names_read(slices))
