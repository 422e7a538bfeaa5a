"""Reads the command line of a user's script as if nothing had been typed: `parse_args()` gives the defaults."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

_parse_known_args = argparse.ArgumentParser.parse_known_args


def _ignored() -> None:
    """Nothing depends on what is read."""


class _Arguments(argparse.Namespace):
    """The arguments of a script; `on_read` is called where one is read whose value is invented, and no choice."""

    __slots__ = ("invented",)
    invented: set[str]
    on_read: ClassVar[Callable[[], None]] = _ignored

    def __getattribute__(self, name: str) -> Any:
        if name != "invented" and is_invented(self, name):
            _Arguments.on_read()
        return super().__getattribute__(name)


def is_invented(namespace: object, name: str) -> bool:
    """Whether an argument of a script is a number that argparse asks for and nothing states."""
    return isinstance(namespace, _Arguments) and name in getattr(namespace, "invented", ())


@contextmanager
def empty_command_line(path: str, on_invented: Callable[[], None] = _ignored) -> Iterator[None]:
    """Inside the block `sys.argv` is the script alone, and argparse invents what a parser cannot do without.

    `on_invented` is called where the script reads a number that is invented.
    """
    typed, sys.argv = sys.argv, [path]
    outer, _Arguments.on_read = _Arguments.on_read, on_invented
    argparse.ArgumentParser.parse_known_args = _parsed  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        sys.argv = typed
        _Arguments.on_read = outer
        argparse.ArgumentParser.parse_known_args = _parse_known_args  # type: ignore[method-assign]


def _parsed(parser: argparse.ArgumentParser, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
    """As `parse_known_args`; where the script reads `sys.argv`, with a value for each required argument."""
    if args is None and len(sys.argv) == 1:
        args = [text for action in parser._actions for text in _typed(parser, action)]
        if namespace is None:
            namespace = _Arguments()
            namespace.invented = {a.dest for a in parser._actions if _typed(parser, a) and _is_number(a)}
    return _parse_known_args(parser, args, namespace)


def _typed(parser: argparse.ArgumentParser, action: argparse.Action) -> list[str]:
    """What a user would type for a required argument, nothing for others: `["--width", "1"]`."""
    positional = not action.option_strings
    if not action.required or (positional and action.nargs in ("?", "*")):
        return []
    count = action.nargs if isinstance(action.nargs, int) else 1
    values = [] if action.nargs == 0 else [_value(action)] * count
    return values if positional else [action.option_strings[-1], *values]


def _is_number(action: argparse.Action) -> bool:
    return action.choices is None and action.nargs != 0 and action.type not in (None, str)


def _value(action: argparse.Action) -> str:
    """A choice, a name for a string, or a number that the argument's type takes."""
    if action.choices is not None:
        return str(next(iter(action.choices)))
    kind = action.type
    for text in (action.dest, "1") if kind in (None, str) else ("1", action.dest):
        with suppress(Exception):
            if callable(kind):
                kind(text)
            return text
    return "1"
