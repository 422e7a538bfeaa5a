"""Finds errors that occur for any arguments and inputs: an undefined name, an unexpected keyword argument.

An error counts if a call in the file itself raises it, or if all lines on its call stack run unconditionally.
"""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from inspect import isbuiltin
from traceback import walk_tb
from types import CodeType, TracebackType

from torch import nn

from resnet_lint.graph.source_places import Point
from resnet_lint.graph.syntax import function_of
from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.evidence import Problem

from ..load.definitions import names_bound, root_of
from ..load.load import Loaded
from ..load.missing_packages import is_stand_in

# Names that are defined in notebooks only.
_OF_NOTEBOOKS = frozenset({"get_ipython", "display", "In", "Out", "exit", "quit", "reveal_type"})
_BEFORE_INIT = re.compile(r"cannot assign \w+ before Module.__init__\(\) call")
_WRONG_CALL = re.compile(
    r"got an unexpected keyword argument '\w+'|missing \d+ required (positional|keyword-only) argument"
    r"|takes (from \d+ to )?\d+ positional arguments? but \d+ (was|were) given|got multiple values for argument"
)
_COUNTED = re.compile(r"\btakes |\bmissing ")
# Substitutes of resnet-lint for objects of the user's code.
_OWN_STAND_INS = re.compile(r"Identity|<lambda>|Missing")
_LACKS = re.compile(r"module 'torch[\w.]*' has no attribute '\w+'")


@dataclass(frozen=True)
class _Step:
    """A frame of the user's code in the traceback of an error."""

    code: CodeType
    point: Point
    line: int


def certain_error(error: BaseException, loaded: Loaded, module: str | None, *, stated: bool) -> Problem | None:
    """The error as a problem at its line; None if other arguments may avoid it.

    `stated`: it is raised by a call in the file itself, with its own arguments.
    """
    steps, ends_there = _steps(error.__traceback__, loaded)
    if not steps or not _is_of_sort(error, steps[-1], loaded, ends_there, stated):
        return None
    if not stated and not all(_always_runs(step) for step in steps):
        return None
    text = error_text(error)
    help = "call super().__init__() first" if _BEFORE_INIT.search(text) else None
    return Problem("error", steps[-1].point.span, text, module, help)


def _steps(traceback: TracebackType | None, loaded: Loaded) -> tuple[list[_Step], bool]:
    """The user's frames, outermost first, and whether the error was raised in the last one or in a call from it."""
    steps: list[_Step] = []
    below = 0
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if loaded.project.owns(code):
            steps.append(_Step(code, Point(code, traceback.tb_lasti), traceback.tb_lineno))
            below = 0
        elif not code.co_filename.endswith(("torch/nn/modules/module.py", "tracer/intercept.py", "tracer/trace.py")):
            below += 1
        traceback = traceback.tb_next
    return steps, below == 0


def _is_of_sort(error: BaseException, last: _Step, loaded: Loaded, ends_there: bool, stated: bool) -> bool:
    text = error_text(error)
    if stated and _is_refused_by_layer(error):
        return True
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return ends_there and last.code.co_filename == loaded.path and _is_bound_nowhere(error.name, loaded)
    if isinstance(error, AttributeError):
        if stated and ends_there and last.code.co_filename == loaded.path and _is_set_nowhere(error, loaded):
            return True
        return bool(_LACKS.search(text) and ends_there) or _BEFORE_INIT.search(text) is not None
    if isinstance(error, TypeError) and _WRONG_CALL.search(text) and ends_there and not _OWN_STAND_INS.search(text):
        return stated or (_calls_known(last, loaded) and not (_COUNTED.search(text) and _calls_torch(last, loaded)))
    return False


def _is_refused_by_layer(error: BaseException) -> bool:
    """Whether the constructor of a torch layer rejects its arguments: `embed_dim must be divisible by ...`."""
    if not isinstance(error, (AssertionError, ValueError)) or not error_text(error):
        return False
    *_, (frame, _) = walk_tb(error.__traceback__)
    is_layers = frame.f_code.co_name == "__init__" and "torch/nn/modules/" in frame.f_code.co_filename
    return is_layers and not any(map(is_stand_in, frame.f_locals.values()))


def _is_set_nowhere(error: AttributeError, loaded: Loaded) -> bool:
    """Whether a missing attribute is not set or mentioned anywhere in the file: `self.valuehead` for `value_head`."""
    kind, name = type(error.obj), error.name
    is_own = kind.__module__ == loaded.module.__name__ and kind.__bases__ == (nn.Module,)
    return is_own and not any(
        (isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Constant) and node.value == name)
        or (isinstance(node, ast.Name) and node.id in (name, "setattr"))
        for node in ast.walk(loaded.tree)
    )


def _is_bound_nowhere(name: str | None, loaded: Loaded) -> bool:
    """Whether a name is not bound in any scope of a file, nor possibly by a star import."""
    if name is None or name in _OF_NOTEBOOKS or name in loaded.definitions.lost | loaded.definitions.unsure:
        return False
    for node in ast.walk(loaded.tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            return False
        if isinstance(node, ast.Name) and node.id in ("globals", "exec", "setattr", "__builtins__"):
            return False
        if isinstance(node, ast.arg) and node.arg == name:
            return False
        if isinstance(node, ast.stmt) and name in names_bound(node):
            return False
        if isinstance(node, ast.ExceptHandler) and node.type is not None and "NameError" in ast.unparse(node.type):
            return False
    return True


def _calls_known(step: _Step, loaded: Loaded) -> bool:
    """Whether the callee is a class or function in a module, and there are no starred arguments.

    A callee in an argument or attribute may differ for other arguments.
    """
    try:
        expression = ast.parse(step.point.text, mode="eval").body
    except SyntaxError:
        return False
    if not isinstance(expression, ast.Call) or any(isinstance(argument, ast.Starred) for argument in expression.args):
        return False
    root = root_of(expression.func)
    if any(keyword.arg is None for keyword in expression.keywords) or not isinstance(root, ast.Name):
        return False
    is_local = root.id in step.code.co_varnames or root.id in step.code.co_freevars
    return not is_local and root.id not in loaded.definitions.unsure | {"super"}


def _calls_torch(step: _Step, loaded: Loaded) -> bool:
    """Whether the callee is compiled: how many arguments `torch.empty` takes depends on their types."""
    with suppress(Exception):
        expression = ast.parse(step.point.text, mode="eval").body
        if isinstance(expression, ast.Call):
            return isbuiltin(eval(ast.unparse(expression.func), vars(loaded.module)))
    return False


def _always_runs(step: _Step) -> bool:
    """Whether a line runs in every call of its function: not below `if`, `for` or `try`, nor after a return."""
    function = function_of(step.code)
    if function is None or step.code.co_name.startswith("<") or isinstance(function, ast.Lambda):
        return False
    body = function.body
    while True:
        statement = next(
            (
                candidate
                for candidate in body
                if candidate.lineno <= step.line <= (candidate.end_lineno or candidate.lineno)
            ),
            None,
        )
        if any(_may_leave(earlier) for earlier in body if earlier.lineno < step.line and earlier is not statement):
            return False
        if isinstance(statement, ast.With):
            if step.line < statement.body[0].lineno:
                return True
            body = statement.body
            continue
        plain = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)
        if not isinstance(statement, plain):
            return False
        lazy = (ast.IfExp, ast.BoolOp, ast.Lambda, ast.comprehension)
        return not any(isinstance(node, lazy) for node in ast.walk(statement))


def _may_leave(statement: ast.stmt) -> bool:
    return any(isinstance(node, (ast.Return, ast.Raise)) for node in ast.walk(statement))
