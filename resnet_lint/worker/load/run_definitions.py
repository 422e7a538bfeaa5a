"""Executes the definitions of a file one by one: a failed or skipped one affects only what depends on it.

Loops and calls (training, printing) and the main block are executed later, and so are statements that call or modify an
existing model, because their order determines its inputs.
"""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from resnet_lint.shared.error_text import error_text

from ..outside import OUTSIDE
from ..process.limits import TimeUp, time_limit
from ..tracer.intercept import intercepted
from ..tracer.known_values import KeepValues
from .definitions import (
    ASSIGNMENTS,
    changed_roots,
    defines,
    is_main_guard,
    names_bound,
    names_read,
    receivers,
    without_uses,
)
from .missing_packages import is_stand_in

# An assignment at module level that takes longer trains or loads data, and is not a definition.
_ASSIGNMENT_SECONDS = 10.0


class _CallsModel(BaseException):
    """A statement calls a model, so it is executed later."""


@dataclass(frozen=True)
class LostClass:
    """A class whose definition fails, possibly because of a limitation of the tool."""

    name: str
    line: int
    reason: str


@dataclass
class Definitions:
    """The executed definitions: the names that each statement bound, by the id of the statement.

    `lost` are the names of failed or skipped statements; `unsure` are names whose value may differ in Python: from a
    package that is not installed, or modified by a skipped statement. `invented` are the ids of statements that read
    a guessed external value.
    """

    bound: dict[int, dict[str, Any]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    invented: set[int] = field(default_factory=set)
    lost_classes: list[LostClass] = field(default_factory=list)


class DefinitionError(Exception):
    """A statement fails, as it would in Python."""

    def __init__(self, statement: ast.stmt, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.statement = statement
        self.cause = cause


class DefinitionRunner:
    """Executes the definitions of a file in the namespace of its module."""

    def __init__(self, path: str, tree: ast.Module, namespace: dict[str, Any], flags: int) -> None:
        self._path = path
        self._namespace = namespace
        self._flags = flags
        self._binds_unseen = _binds_unseen(tree)
        self._reads = {
            node.name: names_read([node])
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }
        self.result = Definitions()

    def run(self, body: Sequence[ast.stmt], *, certain: bool = True) -> None:
        """Execute the definitions among some statements. Raises DefinitionError if it is `certain` that they run."""
        for statement in body:
            if isinstance(statement, ast.If) and not is_main_guard(statement):
                self._choose(statement, certain)
            elif _is_run(statement) and not self._changes_model(statement):
                self._try(statement, certain)
            else:
                self._pass_over(statement)

    def _pass_over(self, statement: ast.stmt) -> None:
        self.result.lost |= names_bound(statement)
        changed = names_read([statement]) if isinstance(statement, ast.Expr) else receivers(statement)
        fixed = (types.ModuleType, types.FunctionType, type)
        changed |= changed_roots(statement)
        self.result.unsure |= {name for name in changed if not isinstance(self._namespace.get(name), fixed)}

    def _choose(self, statement: ast.If, certain: bool) -> None:
        """Assume that an unknown condition is true; the statements below it are not certain."""
        try:
            with _models_left():
                holds = self._evaluate(statement.test)
        except BaseException as error:
            if certain and self._is_certain(statement.test, error):
                raise DefinitionError(statement, error) from error
            self.run(statement.body, certain=False)
            return
        self.run(statement.body if holds else statement.orelse, certain=certain)

    def _try(self, statement: ast.stmt, certain: bool) -> None:
        names, read_before = names_bound(statement), OUTSIDE.reads
        try:
            self._run(statement)
        except BaseException as error:
            self._failed(statement, error, certain)
            self.result.lost |= names - set(self._namespace)
            return
        if OUTSIDE.reads > read_before:
            self.result.invented.add(id(statement))
        bound = {name: self._namespace[name] for name in names if name in self._namespace}
        self.result.lost -= set(bound)
        depends = not self._depends_on_nothing(statement)
        if not depends:  # otherwise it is executed again, after its dependencies
            self.result.bound[id(statement)] = bound
        self.result.unsure -= set(bound)
        self.result.unsure |= {name for name, value in bound.items() if depends or is_stand_in(value)}

    def _failed(self, statement: ast.stmt, error: BaseException, certain: bool) -> None:
        if isinstance(statement, ASSIGNMENTS):
            return
        if isinstance(error, ModuleNotFoundError) or (certain and self._is_certain(statement, error)):
            raise DefinitionError(statement, error) from error
        for node in ast.walk(statement):
            if isinstance(node, ast.ClassDef):
                self.result.lost_classes.append(LostClass(node.name, node.lineno, error_text(error)))

    def _is_certain(self, code: ast.AST, error: BaseException) -> bool:
        """Whether the failure would occur in Python too, and not because of skipped statements or this machine."""
        if isinstance(error, (FileNotFoundError, _CallsModel)) or _is_environment(error) or "CUDA" in error_text(error):
            return False
        if isinstance(error, (OSError, SystemExit)) and not isinstance(code, (ast.ClassDef, ast.FunctionDef)):
            return False
        if isinstance(error, NameError) and (self._binds_unseen or error.name in self.result.lost):
            return False
        return self._depends_on_nothing(code)

    def _depends_on_nothing(self, code: ast.AST) -> bool:
        reached = set(names_read([code]))
        waiting = list(reached)
        while waiting:
            more = self._reads.get(waiting.pop(), frozenset()) - reached
            reached |= more
            waiting.extend(more)
        return reached.isdisjoint(self.result.lost | self.result.unsure)

    def _changes_model(self, statement: ast.stmt) -> bool:
        """Whether a statement modifies a model, such as `model.fc = nn.Linear(512, 10)`."""
        return any(isinstance(self._namespace.get(name), nn.Module) for name in changed_roots(statement))

    def _run(self, statement: ast.stmt) -> None:
        kept = without_uses(statement) if isinstance(statement, (ast.Try, ast.With)) else statement
        code = compile(ast.Module([kept], []), self._path, "exec", flags=self._flags, dont_inherit=True)
        if not isinstance(statement, ASSIGNMENTS):
            with _models_left() if isinstance(statement, (ast.Try, ast.With)) else intercepted(_call):
                exec(code, self._namespace)
            return
        # A model at module level needs no memory on meta; a tensor whose values are read requires the CPU.
        with _models_left():
            try:
                with time_limit(_ASSIGNMENT_SECONDS), torch.device("meta"), KeepValues():
                    exec(code, self._namespace)
            except (RuntimeError, NotImplementedError):
                with time_limit(_ASSIGNMENT_SECONDS):
                    exec(code, self._namespace)
            except TimeUp as error:
                raise TimeoutError(str(error)) from error

    def _evaluate(self, expression: ast.expr) -> Any:
        code = compile(ast.Expression(expression), self._path, "eval", flags=self._flags, dont_inherit=True)
        return eval(code, self._namespace)


def _is_run(statement: ast.stmt) -> bool:
    return defines(statement) or isinstance(statement, (ast.Try, ast.With))


def _binds_unseen(tree: ast.Module) -> bool:
    """Whether names may be bound dynamically: by `import *`, `exec` or `globals()`."""
    return any(
        (isinstance(node, ast.ImportFrom) and node.names[0].name == "*")
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("exec", "globals"))
        for node in ast.walk(tree)
    )


def _is_environment(error: BaseException) -> bool:
    """Whether an environment variable is missing: `os.environ["RANK"]`."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return isinstance(error, KeyError) and step is not None and step.tb_frame.f_globals.get("__name__") == "os"


@contextmanager
def _models_left() -> Iterator[None]:
    """Inside the with block, model calls end the statement, except for those in constructors."""
    with intercepted(_refused):
        yield


def _call(call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
    return call(module, *args, **kwargs)


def _refused(call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
    if not _is_in_constructor(sys._getframe(1)):
        raise _CallsModel
    return call(module, *args, **kwargs)


def _is_in_constructor(frame: types.FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "__init__" and isinstance(frame.f_locals.get("self"), nn.Module):
            return True
        frame = frame.f_back
    return False
