"""Finds errors that occur for any arguments and inputs: an undefined name, an unexpected keyword argument.

An error counts if a call in the file itself raises it, or if all lines on its call stack run unconditionally. Other
errors of calls in the file itself count if they are no consequence of checking without data, devices and packages.
"""

from __future__ import annotations

import ast
import inspect
import re
from contextlib import suppress
from dataclasses import dataclass
from inspect import isbuiltin
from traceback import walk_tb
from types import CodeType, TracebackType

from torch import nn

from resnet_lint.graph.source_places import Point
from resnet_lint.graph.syntax import function_of
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.evidence import Problem

from ..build.data_sets import is_made_up
from ..load.definitions import names_bound, root_of
from ..load.load import Loaded
from ..load.missing_packages import is_stand_in
from ..traceback_lines import line_of
from ..tracer.real_run import fails_for_real
from ..tracer.trace import innermost

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
# The state dict of one model, loaded into another one; with strict=False as well.
_OTHER_SIZES = re.compile(r"loading state_dict for \w+:.*?size mismatch for", re.DOTALL)
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


def error_of_call(trace: Trace, loaded: Loaded) -> Problem | None:
    """The error of a model call in the file itself, if it occurs with real values too; else None."""
    stop = trace.stop
    if stop is None or stop.point is None or not _is_of_the_code(stop.error, loaded) or not fails_for_real(trace):
        return None
    return Problem("call", stop.point.span, stop.text)


def error_of_arguments(call: str, trace: Trace, loaded: Loaded, module: str) -> Problem | None:
    """The error of a block that lacks something for some channels and strides: `self.down` is set for others only."""
    stop = trace.stop
    if stop is None or stop.point is None or not _lacks_part(stop.error, loaded) or not fails_for_real(trace):
        return None
    return Problem("arguments", stop.point.span, f"{call} raises {stop.text}", module)


def error_of_any_input(trace: Trace, loaded: Loaded, module: str) -> Problem | None:
    """The error of a model without arguments that lacks something in a line that runs for any input."""
    stop = trace.stop
    if stop is None or stop.point is None or not _lacks_part(stop.error, loaded):
        return None
    steps, _ = _steps(stop.error.__traceback__, loaded)
    certain = all(map(_always_runs, steps)) and fails_for_real(trace)
    return Problem("error", stop.point.span, stop.text, module) if certain else None


def _lacks_part(error: BaseException, loaded: Loaded) -> bool:
    """Whether a module lacks a part that only its constructor sets: `self.down` is missing, None, or a class."""
    if isinstance(error, AttributeError):
        return _is_never_set(error.obj, error.name, loaded)
    point = innermost(error, loaded.project)
    if point is None or re.search(_NO_PART, error_text(error)) is None:
        return False
    called = re.match(r"self\.(\w+)\(", point.text)
    owners = [frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__) if frame.f_code is point.code]
    return called is not None and _is_never_set(owners[-1], called[1], loaded)


_NO_PART = re.compile(r"'NoneType' object is not callable|FloatTensor is not a Module subclass")


def error_of_constructor(error: BaseException, loaded: Loaded) -> Problem | None:
    """The error of a constructor call in the file itself, which depends on no values; else None."""
    if "meta" in error_text(error) or not isinstance(error, _MISTAKES) or not _is_of_the_code(error, loaded):
        return None
    codes = [frame.f_code for frame, _ in walk_tb(error.__traceback__)]
    constructs = any(code.co_name == "__init__" and loaded.project.owns(code) for code in codes)
    is_forward = any(code.co_filename.endswith("tracer/trace.py") for code in codes)
    point = innermost(error, loaded.project)
    return Problem("call", point.span, error_text(error)) if constructs and not is_forward and point else None


def end_of_script(error: BaseException, loaded: Loaded) -> Problem | None:
    """The error of a statement of the script, for a script that gets to no model; None if it is due to this check."""
    point = innermost(error, loaded.project)
    if point is None or point.span.path != loaded.path or not _is_of_the_code(error, loaded):
        return None
    return Problem("build", point.span, error_text(error))


def _is_of_the_code(error: BaseException, loaded: Loaded) -> bool:
    """Whether an error has nothing to do with what a check lacks: packages, devices, files, values."""
    if loaded.missing or not isinstance(error, (*_MISTAKES, AssertionError, ValueError, RuntimeError)):
        return False
    if isinstance(error, AttributeError) and is_made_up(error.obj):
        return False
    innermost_file = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)][-1]
    text = error_text(error)
    return not (_LACKING.search(text) or _OWN_STAND_INS.search(text) or _ENVIRONMENT.search(innermost_file))


_MISTAKES = (TypeError, AttributeError, NameError, LookupError, ZeroDivisionError)
_LACKING = re.compile(r"cuda|gpu|accelerator|distributed|process group|environ", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"torch/(cuda|distributed|backends|hub|mps)|/os\.py$|<frozen os>|resnet_lint/")


def _steps(traceback: TracebackType | None, loaded: Loaded) -> tuple[list[_Step], bool]:
    """The user's frames, outermost first, and whether the error was raised in the last one or in a call from it."""
    steps: list[_Step] = []
    below = 0
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if loaded.project.owns(code):
            steps.append(_Step(code, Point(code, traceback.tb_lasti), line_of(traceback)))
            below = 0
        elif not code.co_filename.endswith(("torch/nn/modules/module.py", "tracer/intercept.py", "tracer/trace.py")):
            below += 1
        traceback = traceback.tb_next
    return steps, below == 0


def _is_of_sort(error: BaseException, last: _Step, loaded: Loaded, ends_there: bool, stated: bool) -> bool:
    text = error_text(error)
    if stated and (_is_refused_by_layer(error) or _OTHER_SIZES.search(text)):
        return True
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return ends_there and last.code.co_filename == loaded.path and _is_bound_nowhere(error.name, loaded)
    if isinstance(error, AttributeError):
        if (
            stated
            and ends_there
            and last.code.co_filename == loaded.path
            and _is_never_set(error.obj, error.name, loaded)
        ):
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


def _is_never_set(module: object, name: str | None, loaded: Loaded) -> bool:
    """Whether nothing in the file but its constructor sets or mentions an attribute of a module."""
    kind = type(module)
    is_own = kind.__module__ == loaded.module.__name__ and kind.__bases__ == (nn.Module,)
    made = vars(kind).get("__init__")
    constructor = function_of(made.__code__) if inspect.isfunction(made) else None
    inside = range(constructor.lineno, (constructor.end_lineno or 0) + 1) if constructor is not None else ()
    return is_own and not any(
        (isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Constant) and node.value == name)
        or (isinstance(node, ast.Name) and node.id in (name, "setattr"))
        for node in ast.walk(loaded.tree)
        if getattr(node, "lineno", 0) not in inside
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
