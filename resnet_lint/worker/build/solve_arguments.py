"""Solves for guessed constructor arguments, based on the errors that the constructor raises.

`assert dim % heads == 0`, "dropout probability has to be between 0 and 1", "depth needs to be a tuple": the message and
the failing comparison give the parameter and the values to try. Likewise for a forward in which two sizes differ.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import CodeType

from resnet_lint.graph.syntax import function_of
from resnet_lint.shared.error_text import error_text

from ..feed.mismatches import Mismatch
from ..names_at import names_at
from ..traceback_lines import line_of
from .guess_arguments import UNKNOWN, Invented

Construct = Callable[[Invented], BaseException | None]
"""Constructs a class with some arguments, and returns the exception that it raises, if any."""

_FIRST = "4"  # for a parameter whose name says nothing: divides most widths, and is no size of the input
_MOST_TRIES = 120
# A large one that all small numbers divide is the last.
_NUMBERS = ("2", "3", "8", "7", "48", "16", "49", "96", "1", "0.1", "840")
_BY_MESSAGE: Sequence[tuple[str, Sequence[str]]] = (
    (r"between 0 and 1|[\[(] ?0(\.0)?, ?1(\.0)? ?[\])]|probability", ("0.1",)),
    (r"tuple|list|sequence|iter|subscriptable|unpack|no len|lengths?\b", ("(4, 4)", "(4, 4, 4, 4)", "(64, 64, 64)")),
    (r"str|name|unknown|unsupported|not supported|invalid|KeyError", ("'relu'", "'bn'", "'same'", "'mean'")),
    (r"callable|Module", ("nn.Identity", "nn.Identity()")),
    (r"NoneType|None", ("None",)),
)


def solved(arguments: Invented, construct: Construct) -> Invented | None:
    """Arguments that the constructor accepts; None if there are no more values to try."""
    unknown = arguments.unknown
    kwargs = {name: _FIRST if value == UNKNOWN else value for name, value in arguments.kwargs.items()}
    current = replace(arguments, kwargs=kwargs, sure=False)
    error, tries, seen = construct(current), 1, set[str]()
    while error is not None:
        seen.add(_place(error))
        for change in _changes(current.kwargs, error, unknown):
            better = replace(current, kwargs={**current.kwargs, **change})
            outcome, tries = construct(better), tries + 1
            if outcome is None or _place(outcome) not in seen:
                current, error = better, outcome
                break
            if tries > _MOST_TRIES:
                return None
        else:
            return None
    return current


def solved_for(arguments: Invented, mismatch: Mismatch) -> Iterator[Invented]:
    """Arguments in which a number that a forward had in one place is what it has in another."""
    for here, there in ((mismatch.wanted, mismatch.got), (mismatch.got, mismatch.wanted)):
        for name in [name for name, value in arguments.kwargs.items() if value == str(here)][::-1]:
            yield replace(arguments, kwargs={**arguments.kwargs, name: str(there)}, sure=False)


def _place(error: BaseException) -> str:
    """Where and how a constructor fails, whatever the numbers."""
    step, lines = error.__traceback__, []
    while step is not None:
        lines.append(f"{step.tb_frame.f_code.co_filename}:{line_of(step)}")
        step = step.tb_next
    return f"{lines} {re.sub(r'[0-9.]+', '', error_text(error))}"


def _changes(kwargs: Mapping[str, str], error: BaseException, unknown: Sequence[str]) -> Iterator[dict[str, str]]:
    """One other value for a parameter that the error is about, those that nothing is known of first."""
    guards = list(_guards(error))
    names = dict.fromkeys(name for name in [*_read_in(guards), *names_at(error)] if name in kwargs)
    values = [*_literals(guards), *_by_message(error_text(error)), *_NUMBERS]
    for name in sorted(names, key=lambda name: name not in unknown):
        yield from ({name: value} for value in dict.fromkeys(values) if value != kwargs[name])


def _by_message(text: str) -> Iterator[str]:
    for pattern, values in _BY_MESSAGE:
        if re.search(pattern, text):
            yield from values


def _guards(error: BaseException) -> Iterator[tuple[CodeType, ast.expr]]:
    """The conditions that decided on an error, in the constructors that it came through, the innermost first."""
    found, step = [], error.__traceback__
    while step is not None:
        code, line = step.tb_frame.f_code, line_of(step)
        function = function_of(code) if code.co_name != "<module>" else None
        for node in ast.walk(function) if function is not None else ():
            around = isinstance(node, (ast.If, ast.Assert)) and node.lineno <= line <= (node.end_lineno or node.lineno)
            if around and isinstance(node, (ast.If, ast.Assert)):
                found.append((code, node.test))
        step = step.tb_next
    return reversed(found)


def _read_in(guards: Sequence[tuple[CodeType, ast.expr]]) -> Iterator[str]:
    """The names that conditions read, including those in the assignments of these names."""
    for code, test in guards:
        names = [node.id for node in ast.walk(test) if isinstance(node, ast.Name)]
        yield from names
        for node in ast.walk(function_of(code) or test):
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id in names for t in node.targets):
                yield from (part.id for part in ast.walk(node.value) if isinstance(part, ast.Name))


def _literals(guards: Sequence[tuple[CodeType, ast.expr]]) -> Iterator[str]:
    """The values that conditions compare with, and the numbers beside them: `mode in ("cat", "sum")`, `depth > 8`."""
    for _, test in guards:
        for node in ast.walk(test):
            if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)) and node.value:
                yield repr(node.value)
        for node in ast.walk(test):
            if isinstance(node, ast.Constant) and type(node.value) is int:
                yield from (str(node.value + 1), str(2 * node.value), str(max(node.value - 1, 1)))
