"""Finds the call by which a layer of the user's class (`class Conv3DSimple(nn.Conv3d)`) constructs its base class."""

from __future__ import annotations

import ast
import inspect
import linecache
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING

from ..shared.records.places import Position, Span

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class BaseConstructor:
    """The call `super().__init__(...)`, and the parameters of the layer of torch that it constructs."""

    span: Span
    parameters: tuple[str, ...]


def base_constructor(kind: type[nn.Module]) -> BaseConstructor | None:
    """The call in the constructor of a class directly below a layer of torch; None for any other class."""
    own = vars(kind).get("__init__")
    base = kind.__mro__[1]
    if own is None or kind.__module__.startswith("torch.") or not base.__module__.startswith("torch.nn.modules."):
        return None
    try:
        lines, first = inspect.getsourcelines(own)
        path = inspect.getsourcefile(own) or ""
        tree = ast.parse(dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_super(node.func)]
    if len(calls) != 1:
        return None
    [call] = calls
    shift = len(lines[0]) - len(lines[0].lstrip())

    def position(line: int, column: int) -> Position:
        text = linecache.getline(path, line + first - 1).encode()
        return Position(line + first - 1, len(text[: column + shift].decode()) + 1)

    span = Span(path, position(call.lineno, call.col_offset), position(call.end_lineno or 1, call.end_col_offset or 0))
    return BaseConstructor(span, tuple(inspect.signature(base).parameters))


def _is_super(callee: ast.expr) -> bool:
    return ast.unparse(callee).startswith("super(") and ast.unparse(callee).endswith(").__init__")
