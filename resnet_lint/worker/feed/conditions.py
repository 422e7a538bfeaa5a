"""Reads failed conditions in the user's code, such as `assert x.shape[1] == self.width`.

The values come from the frame that raised, because the error message does not contain them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch

from ..traceback_lines import line_of
from .mismatches import Mismatch

# Comparisons are evaluated again, so they may only call functions without side effects.
_CALLABLE = frozenset({"len", "dim", "size", "int", "ndimension", "max", "min", "sum", "list", "tuple"})


def failed_condition(error: BaseException) -> Mismatch | None:
    """The two numbers in the comparison of the `assert`, or the `if` around the `raise`, that raised an error."""
    frame = _raising_frame(error)
    if frame is None:
        return None
    for comparison in _comparisons_at(*frame):
        found = _compared(comparison, frame[0])
        if found is not None:
            return found
    return None


def _raising_frame(error: BaseException) -> tuple[FrameType, int] | None:
    step = error.__traceback__
    if step is None:
        return None
    while step.tb_next is not None:
        step = step.tb_next
    return step.tb_frame, line_of(step)


def _comparisons_at(frame: FrameType, line: int) -> Iterator[ast.Compare]:
    """The comparisons in the condition of the `assert` at a line, or of the `if` with the `raise` at this line."""
    try:
        lines, first = inspect.getsourcelines(frame.f_code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return
    at = line - first + 1 if frame.f_code.co_name != "<module>" else line
    for node in ast.walk(tree):
        raises = isinstance(node, ast.If) and any(isinstance(s, ast.Raise) and _covers(s, at) for s in node.body)
        if (isinstance(node, ast.Assert) and _covers(node, at)) or raises:
            yield from (part for part in ast.walk(node.test) if isinstance(part, ast.Compare))  # type: ignore[attr-defined]


def _covers(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _compared(comparison: ast.Compare, frame: FrameType) -> Mismatch | None:
    if len(comparison.ops) != 1 or not isinstance(comparison.ops[0], (ast.Eq, ast.NotEq)):
        return None
    left, right = comparison.left, comparison.comparators[0]
    if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mod):
        return _divided(_value(left.left, frame), _value(left.right, frame))
    pairs = zip(_sizes(_value(left, frame)), _sizes(_value(right, frame)), strict=False)
    unlike = next((pair for pair in pairs if pair[0] != pair[1]), None)
    return Mismatch(f"condition {ast.unparse(comparison)}", *unlike) if unlike is not None else None


def _divided(got: Any, part: Any) -> Mismatch | None:
    if not isinstance(got, int) or not isinstance(part, int) or part == 0 or got % part == 0:
        return None
    return Mismatch(f"a multiple of {part}", got, part * max(1, round(got / part)))


def _sizes(value: Any) -> list[int]:
    values = list(value) if isinstance(value, (tuple, list, torch.Size)) else [value]
    return values if all(isinstance(item, int) for item in values) else []


def _value(expression: ast.expr, frame: FrameType) -> Any:
    """The value of an expression without side effects; None for others."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in _CALLABLE:
                return None
        if isinstance(node, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda)):
            return None
    code = compile(ast.Expression(expression), "<condition>", "eval")
    try:
        return eval(code, frame.f_globals, frame.f_locals)
    except Exception:  # the user's expression may raise any exception
        return None
