"""Examples from tables at module level with classes or builders, their arguments, and their inputs.

CASES = [(Block, lambda: ([64], {}), lambda: ([torch.rand(2, 64, 8, 8)], {}))]
ZOO = {"small net": ("build_small", "small_input", 2020)}
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FunctionType
from typing import Any

from torch import nn

from ..build.guess_arguments import required_names
from ..load.load import Loaded
from .example import Example, as_call, is_arguments
from .makers import is_module_class, makes_tensors, needs_nothing


def examples_in_tables(loaded: Loaded) -> Iterator[Example]:
    """The examples in all tables of a file, in order."""
    for name in _assigned(loaded.tree):
        rows = {index: _read(row, loaded) for index, row in _rows(vars(loaded.module).get(name))}
        read = {index: row for index, row in rows.items() if row is not None}
        if any(map(_offers_tensors, read.values())):
            for index, (model, rest) in read.items():
                yield _example(f"{name}[{index!r}]", model, rest)


def _assigned(tree: ast.Module) -> list[str]:
    """The names that are assigned at module level."""
    targets = [
        target
        for statement in tree.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
    ]
    return list(dict.fromkeys(target.id for target in targets if isinstance(target, ast.Name)))


def _rows(table: Any) -> Iterator[tuple[Any, Sequence[Any]]]:
    """The rows of a table as sequences, with their keys."""
    if isinstance(table, dict):
        for key, value in table.items():
            if isinstance(value, (list, tuple)):
                yield key, (key, *value)
    elif isinstance(table, (list, tuple)):
        for index, row in enumerate(table):
            if isinstance(row, (list, tuple)):
                yield index, row
            elif isinstance(row, dict):
                yield index, tuple(row.values())


def _read(row: Sequence[Any], loaded: Loaded) -> tuple[Any, list[Any]] | None:
    """The class or builder at the start of a row, after any labels, and the possible arguments or inputs.

    In `("GNM", build_gnm, example_input)` the string is a label, even if a class has this name.
    """
    parts = [_named(part, loaded) for part in row]
    starts = [index for index, part in enumerate(parts) if _builds(part, loaded)]
    if not starts:
        return None
    start = min(starts, key=lambda index: _likeness_to_label(row[index], parts[index]))
    rest = [part for part in parts[start + 1 :] if _is_lambda_or_function(part) or is_arguments(part)]
    return (parts[start], rest) if rest else None


def _likeness_to_label(written: Any, part: Any) -> tuple[bool, bool]:
    """How likely a part of a row is a label: a string more than an object, and the name of a class more than others."""
    return isinstance(written, str), isinstance(written, str) and is_module_class(part)


def _named(part: Any, loaded: Loaded) -> Any:
    """Resolve a string such as `"build_small"` to the object of this name; other values are returned unchanged."""
    return vars(loaded.module).get(part, part) if isinstance(part, str) else part


def _builds(part: Any, loaded: Loaded) -> bool:
    own = getattr(part, "__module__", None) == loaded.module.__name__
    return is_module_class(part) or (isinstance(part, FunctionType) and own and part.__name__ != "<lambda>")


def _is_lambda_or_function(part: Any) -> bool:
    return isinstance(part, FunctionType) and needs_nothing(part)


def _offers_tensors(row: tuple[Any, list[Any]]) -> bool:
    return any(makes_tensors(part) or (not callable(part) and is_arguments(part)) for part in row[1])


def _example(origin: str, model: Any, rest: list[Any]) -> Example:
    needs_arguments = bool(required_names(model)) or len(rest) > 1
    label = origin if needs_arguments else f"{model.__name__}()"
    return Example(label, origin, model.__name__, partial(_made, model, rest))


def _made(model: Callable[..., Any], rest: list[Any]) -> tuple[nn.Module, Any]:
    """The model of a row and its inputs. Raises LookupError if the row has none."""
    values = [part() if callable(part) else part for part in rest]
    values = [value for value in values if is_arguments(value)]
    takes_arguments = is_module_class(model) and len(values) > 1
    args, kwargs = as_call(values.pop(0)) if takes_arguments else ((), {})
    if not values:
        raise LookupError("the row has no inputs")
    return model(*args, **kwargs), values[0]
