"""Gives a user's script an empty command line, so that `parse_args()` returns the defaults.

Required values are guessed: a required argument, `sys.argv[1]`, `os.environ["SIZE"]`, `input()`.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, SupportsIndex, overload
from unittest import mock

from ..outside import OUTSIDE

_parse_known_args = argparse.ArgumentParser.parse_known_args
_environment = os._Environ.__getitem__


class _Arguments(argparse.Namespace):
    """The arguments of a script; `invented` are guesses for required numbers."""

    __slots__ = ("invented",)
    invented: dict[str, argparse.Action]

    def __getattribute__(self, name: str) -> Any:
        invented = getattr(self, "invented", {}) if name != "invented" else {}
        if name not in invented:
            return super().__getattribute__(name)
        OUTSIDE.read()
        return _number(invented[name])

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "invented":
            getattr(self, "invented", {}).pop(name, None)
        super().__setattr__(name, value)


class _Words(list[str]):
    """A command line with only the script; further words are guessed if the script reads them."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str | list[str]:
        if isinstance(index, slice):
            OUTSIDE.read()
            return super().__getitem__(index)
        number = index.__index__()
        if number == 0:
            return super().__getitem__(0)
        return str(OUTSIDE.guess(f"argument {number}"))

    def __len__(self) -> int:
        OUTSIDE.read()
        return super().__len__()


@contextmanager
def empty_command_line(path: str) -> Iterator[None]:
    """Inside the with block, `sys.argv` has only the script, and required values are guessed."""
    typed, sys.argv = sys.argv, _Words([path])
    argparse.ArgumentParser.parse_known_args = _parsed  # type: ignore[method-assign,assignment]
    variable, asked = _variables_for(path), _input
    try:
        with mock.patch.object(os._Environ, "__getitem__", variable), mock.patch.object(builtins, "input", asked):
            yield
    finally:
        sys.argv = typed
        argparse.ArgumentParser.parse_known_args = _parse_known_args  # type: ignore[method-assign]


def _variables_for(path: str) -> Callable[[Any, str], str]:
    """A function that returns a guessed number for `os.environ["SIZE"]` in the script, if the variable is not set."""

    def variable(environment: Any, name: str) -> str:
        try:
            return str(_environment(environment, name))
        except KeyError:
            if sys._getframe(1).f_code.co_filename != path:
                raise
            return str(OUTSIDE.guess(name))

    return variable


def _input(prompt: object = "") -> str:
    return str(OUTSIDE.guess(str(prompt)))


def _parsed(parser: argparse.ArgumentParser, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
    """Like `parse_known_args`, with guesses for required arguments if the script parses `sys.argv`."""
    if args is None and isinstance(sys.argv, _Words) and list.__len__(sys.argv) == 1:
        args = [text for action in parser._actions for text in _typed(parser, action)]
        if namespace is None:
            parsed, rest = _parse_known_args(parser, args, _Arguments())
            parsed.invented = {a.dest: a for a in parser._actions if _typed(parser, a) and _is_number(a)}
            return parsed, rest
    return _parse_known_args(parser, args, namespace)


def _typed(parser: argparse.ArgumentParser, action: argparse.Action) -> list[str]:
    """The words on the command line for a required argument, such as `["--width", "64"]`; empty for others."""
    positional = not action.option_strings
    if not action.required or (positional and action.nargs in ("?", "*")):
        return []
    values = [] if action.nargs == 0 else [_value(action)] * _count(action)
    return values if positional else [action.option_strings[-1], *values]


def _count(action: argparse.Action) -> int:
    return action.nargs if isinstance(action.nargs, int) else 1


def _is_number(action: argparse.Action) -> bool:
    return action.choices is None and action.nargs != 0 and action.type not in (None, str)


def _number(action: argparse.Action) -> Any:
    """The guessed number, converted by the type of the argument."""
    kind = action.type if callable(action.type) else str
    value = kind(_value(action))
    return value if action.nargs is None else [value] * _count(action)


def _compared_with(name: str) -> list[str]:
    """The strings that a script compares an argument with: `args.data == "cifar10"`, `args.data in ("a", "b")`."""
    try:
        tree = ast.parse("".join(linecache.getlines(sys.argv[0])))
    except SyntaxError:  # a notebook
        return []
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare) and len(node.ops) == 1]
    compared = [node for node in compared if isinstance(node.left, ast.Attribute) and node.left.attr == name]
    values = [part for node in compared for part in ast.walk(node.comparators[0]) if isinstance(part, ast.Constant)]
    return [value.value for value in values if isinstance(value.value, str)]


def _value(action: argparse.Action) -> str:
    """A choice, a string that the script compares it with, a name, or a number that the argument type accepts."""
    if action.choices is not None:
        return str(next(iter(action.choices)))
    kind = action.type
    number = str(0.1 * (1 + OUTSIDE.trial)) if kind is float else str(OUTSIDE.number(action.dest))
    words = (*_compared_with(action.dest), action.dest, number)
    for text in words if kind in (None, str) else (number, "1", action.dest):
        with suppress(Exception):
            if callable(kind):
                kind(text)
            return text
    return "1"
