"""Classifies statements of a script: training, collecting, leaving, and modifying statements."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from typing import Any

from ..load.definitions import changed_roots, root_of

_TRAINING = frozenset({"backward", "step", "zero_grad", "no_grad", "train", "eval"})
# Methods that modify their object, which is in doubt if the call fails.
_CHANGING = re.compile(r"^(append|extend|insert|update|add_module|register_\w+|add|pop|remove|setdefault|\w+_)$")
_EXITS = frozenset({"exit", "quit", "sys.exit", "os._exit"})


def ends_program(statement: ast.stmt) -> bool:
    """Whether a statement is `sys.exit(...)`, `raise SystemExit` or the like."""
    if isinstance(statement, ast.Raise):
        return statement.exc is not None and ast.unparse(statement.exc).startswith("SystemExit")
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in _EXITS


def trains(code: ast.AST) -> bool:
    """Whether some code contains training steps, or iterates over a loader."""
    calls = [node.func for node in ast.walk(code) if isinstance(node, ast.Call)]
    return any(isinstance(function, ast.Attribute) and function.attr in _TRAINING for function in calls)


def gathers(loop: ast.For) -> bool:
    """Whether a loop collects something, such as a list of layers, and neither trains nor returns."""
    if trains(loop) or any(isinstance(node, ast.Return) for node in ast.walk(loop)):
        return False
    return any(
        isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.stmt) and bool(changed_roots(node)))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _CHANGING.match(node.func.attr))
        for node in ast.walk(loop)
    )


def catches(block: ast.With | ast.Try) -> bool:
    """Whether a block catches errors, such as `try` or `with pytest.raises(ValueError)`."""
    return isinstance(block, ast.Try) or any(
        re.search("raises|suppress", ast.unparse(item.context_expr), re.IGNORECASE) for item in block.items
    )


def leaves(body: list[ast.stmt]) -> bool:
    """Whether the last of some statements leaves the function, the loop or the program."""
    last = body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return ends_program(last) or ast.unparse(last.value.func) == "parser.error"
    return isinstance(last, (ast.Return, ast.Raise, ast.Break, ast.Continue))


def can_be_played(function: Any) -> bool:
    """Whether a function of the file can be executed: it is not decorated, and has plain parameters."""
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__") or inspect.isgeneratorfunction(function):
        return False
    kinds: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    return all(p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in kinds.values())


def changed_by_call(statement: ast.stmt) -> set[str]:
    """The name that a statement modifies by a method call, as in `layers.append(...)`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _CHANGING.match(call.func.attr):
        root = root_of(call)
        return {root.id} if isinstance(root, ast.Name) else set()
    return set()
