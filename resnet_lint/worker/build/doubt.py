"""Tracks how far failures of an executed script can be trusted, and the names that this depends on."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from functools import cached_property

from ..load.definitions import names_bound, names_read


class Doubt(IntEnum):
    """What a failure depends on, least trusted last."""

    NONE = 0
    INVENTED = 1  # a guessed external number; a failure for two numbers is trusted
    UNKNOWN = 2  # a value that is unknown without data
    CAUGHT = 3  # possibly intended: the file catches errors there


class Doubts:
    """The names of a script whose values are in doubt."""

    def __init__(self, tree: ast.Module) -> None:
        self._of: dict[str, Doubt] = {}
        self._outer: dict[str, Doubt] = self._of
        self._tree = tree

    @cached_property
    def _globals_of(self) -> Mapping[str, frozenset[str]]:
        return {
            node.name: _globals_read(node)
            for node in self._tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }

    def of(self, code: ast.AST) -> Doubt:
        """The doubt of the values that some code reads, directly or in functions and classes that it uses."""
        read: set[str] = set()
        waiting = list(names_read([code]))
        doubts = [self._of.get(name, Doubt.NONE) for name in waiting]
        while waiting and self._outer:
            for name in self._globals_of.get(waiting.pop(), frozenset()) - read:
                read.add(name)
                waiting.append(name)
                doubts.append(self._outer.get(name, Doubt.NONE))
        return max(doubts, default=Doubt.NONE)

    def of_names(self, names: Iterable[str]) -> Doubt:
        """The doubt of the values of these names."""
        return max((self._of.get(name, Doubt.NONE) for name in names), default=Doubt.NONE)

    def add(self, names: Iterable[str], doubt: Doubt) -> None:
        """Put names in doubt, at least to this degree."""
        for name in names if doubt else ():
            self._of[name] = max(doubt, self._of.get(name, Doubt.NONE))

    def clear(self, names: Iterable[str]) -> None:
        """Trust names again, after an assignment."""
        for name in names:
            self._of.pop(name, None)

    @contextmanager
    def supposed(self, names: Iterable[str], doubt: Doubt) -> Iterator[None]:
        """Inside the with block, put names in doubt; after it, all doubts are as before."""
        before = dict(self._of)
        self.add(names, doubt)
        try:
            yield
        finally:
            self._of.clear()
            self._of.update(before)

    @contextmanager
    def inside(self, arguments: Mapping[str, Doubt], kept: Iterable[str] = ()) -> Iterator[None]:
        """Inside the with block, names are resolved in a function with these arguments, then in the file.

        `kept` are names of the file that the function binds.
        """
        outer = self._of
        known = {name: doubt for name, doubt in self._outer.items() if name not in arguments}
        self._of = {**known, **{name: doubt for name, doubt in arguments.items() if doubt}}
        try:
            yield
        finally:
            bound = {name: self._of.get(name, Doubt.NONE) for name in kept}
            for names in (outer, self._outer):
                names.update(bound)
            self._of = outer


def _globals_read(node: ast.AST) -> frozenset[str]:
    """The names that a function or class reads without binding them."""
    own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    own.update(*(names_bound(part) for part in ast.walk(node) if isinstance(part, ast.stmt)))
    return names_read([node]) - own
