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
# What torch, and Python in a forward pass, raise for wrong shapes, values and names.
_ERRORS = (RuntimeError, ValueError, IndexError, TypeError, AttributeError, NameError, KeyError, AssertionError)
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


def names_called(code: ast.AST) -> set[str]:
    """The names that some code calls, or whose methods it calls."""
    roots = [root_of(call) for call in ast.walk(code) if isinstance(call, ast.Call)]
    return {root.id for root in roots if isinstance(root, ast.Name)}


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


def catches(block: ast.With | ast.Try, names: Mapping[str, Any]) -> bool:
    """Whether a block catches errors and goes on, such as `try` or `with pytest.raises(ValueError)`.

    `except KeyboardInterrupt` and `except ImportError` catch none of a model, and some handlers raise another error.
    """
    if isinstance(block, ast.With):
        return any(re.search("raises|suppress", ast.unparse(item.context_expr), re.IGNORECASE) for item in block.items)
    return any(_may_catch(handler, names) and not _gives_up(handler.body) for handler in block.handlers)


def _may_catch(handler: ast.ExceptHandler, names: Mapping[str, Any]) -> bool:
    if handler.type is None:
        return True
    try:
        caught = eval(compile(ast.Expression(handler.type), "", "eval"), {**names})
        return any(issubclass(error, caught) for error in _ERRORS)
    except Exception:
        return True


def _gives_up(handler: list[ast.stmt]) -> bool:
    """Whether a handler ends in another error or ends the program, as with `sys.exit(1)`.

    So does one that goes on for a certain error only: `if "out of memory" in str(error): ... else: raise`.
    """
    last = handler[-1]
    if isinstance(last, ast.If) and last.orelse:
        return _gives_up(last.orelse)
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and ends_program(last):
        return [ast.unparse(value) for value in last.value.args] not in ([], ["0"])
    return isinstance(last, ast.Raise)


def leaves(body: list[ast.stmt]) -> bool:
    """Whether the last of some statements leaves the function, the loop or the program."""
    last = body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return ends_program(last) or ast.unparse(last.value.func) == "parser.error"
    return isinstance(last, (ast.Return, ast.Raise, ast.Break, ast.Continue))


def can_be_played(function: Any, definition: ast.FunctionDef) -> bool:
    """Whether a function of the file can be executed in another namespace.

    It has plain parameters, and no decorator but `@torch.no_grad()` and the like; it neither yields nor reads names of
    a function around it, such as that of `super()`.
    """
    if not inspect.isfunction(function) or inspect.isgeneratorfunction(inspect.unwrap(function)):
        return False
    if hasattr(function, "__wrapped__") and not all(map(_sets_grad_mode, definition.decorator_list)):
        return False
    if inspect.unwrap(function).__code__.co_freevars:
        return False
    kinds: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    return all(p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in kinds.values())


def appended(code: ast.AST) -> ast.AST | None:
    """What a statement appends to a list, as in `outputs.append(model(x))`, which does not depend on the list."""
    match code:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(), "append"), [value], [])):
            return value
    return None


def _sets_grad_mode(decorator: ast.expr) -> bool:
    return re.match(r"(torch\.)?(no_grad|inference_mode|enable_grad)\b", ast.unparse(decorator)) is not None


def changed_by_call(statement: ast.stmt) -> set[str]:
    """The name that a statement modifies by a method call, as in `layers.append(...)`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _CHANGING.match(call.func.attr):
        root = root_of(call)
        return {root.id} if isinstance(root, ast.Name) else set()
    return set()
