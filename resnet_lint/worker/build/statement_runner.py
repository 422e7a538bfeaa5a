"""Runs single statements of a user's script, and keeps track of what failed and of what depends on it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..load.definitions import DEFINITIONS, changed_roots, names_bound
from ..load.load import Loaded
from ..load.project_files import where_files_are
from ..process.limits import TimeUp, time_limit
from .callee import Callees
from .doubt import Doubt, Doubts
from .known_calls import known_calls
from .partial_calls import PartialCall, partial_calls
from .profilers import with_profilers
from .script_surroundings import ScriptMode
from .statement_kinds import appended, changed_by_call

STATEMENT_SECONDS = 20.0
_MOST_PARTIAL = 20


@dataclass(eq=False)
class StatementRunner:
    """Runs statements in a namespace; `partial` are the constructor calls in failed ones, with their known arguments.

    `failures` is the number of failed statements, `_called` are the models that were called by now.
    """

    _loaded: Loaded
    _namespace: dict[str, Any]
    _mode: ScriptMode
    _on_error: Callable[[BaseException, Doubt], None]
    _called: Sequence[nn.Module]
    partial: list[PartialCall] = field(default_factory=list, init=False)
    failures: int = field(default=0, init=False)
    _around: Doubt = field(default=Doubt.NONE, init=False)
    _of_statement: Doubt = field(default=Doubt.NONE, init=False)
    # With their objects, which keeps the ids.
    _of_attributes: dict[tuple[int, str], tuple[Any, Doubt]] = field(default_factory=dict, init=False)
    _lost: set[str] = field(default_factory=set, init=False)  # names that could not be computed

    def __post_init__(self) -> None:
        self._doubts = Doubts(self._loaded.tree)
        self._callees = Callees(self._loaded)

    @property
    def doubt(self) -> Doubt:
        """How far a failure of the current statement can be trusted."""
        return max(self._around, self._of_statement, self._mode.doubt)

    def doubt_of(self, name: str) -> Doubt:
        """The doubt of the value of a name."""
        return self._doubts.of(ast.Name(name, ast.Load()))

    def _run(self, statement: ast.stmt) -> bool:
        """Run a statement; returns whether it succeeded."""
        bound = names_bound(statement)
        self._begin(statement)
        played = with_profilers(statement, self._namespace)
        try:
            code = compile(ast.Module([played], []), self._loaded.path, "exec", dont_inherit=True)
            with time_limit(STATEMENT_SECONDS):
                where_files_are(lambda: exec(code, self._namespace), self._loaded.project.root)
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp) as error:
            self.failures += 1
            self._on_error(error, self.doubt)
            self._note_partial_calls(statement, self.doubt)
            for call in known_calls(statement, error, self._lost | self._loaded.definitions.lost, self._namespace):
                with suppress(Exception, SystemExit, KeyboardInterrupt, TimeUp):
                    self._evaluate(call)
            self._lost |= bound
            for name in bound:
                self._namespace.pop(name, None)
            self._suspect(statement, changed_roots(statement) | changed_by_call(statement))
            return False
        before = self._doubts.of_names(bound) if isinstance(statement, (ast.AugAssign, ast.For)) else Doubt.NONE
        self._doubts.clear(bound)
        doubt = max(self._of_statement, self._mode.doubt, before)
        self._doubts.add(bound, doubt)
        for owner, name in self._attributes(statement, ast.Store):
            if doubt:
                self._of_attributes[id(owner), name] = owner, doubt
            elif isinstance(statement, ast.Assign):
                self._of_attributes.pop((id(owner), name), None)
        return True

    def _suspect(self, code: ast.AST, names: Iterable[str]) -> None:
        """Put names that some code changes in doubt; of the file's own objects, only the attributes that it sets."""
        for owner, name in self._attributes(code, ast.Store):
            self._of_attributes[id(owner), name] = owner, Doubt.UNKNOWN
        bound = names_bound(code)
        own = {name for name in names if name not in bound and self._callees.is_own(self._namespace.get(name))}
        self._doubts.add(set(names) - own, Doubt.UNKNOWN)

    def _attributes(self, code: ast.AST, context: type[ast.expr_context]) -> Iterator[tuple[Any, str]]:
        """The attributes of objects, such as `self.width`, that some code reads or sets."""
        for part in ast.walk(code):
            match part:
                case ast.Attribute(ast.Name(name), attribute, ctx) if (
                    isinstance(ctx, context) and name in self._namespace
                ):
                    yield self._namespace[name], attribute

    def _note_partial_calls(self, statement: ast.stmt, doubt: Doubt) -> None:
        if not isinstance(statement, DEFINITIONS) and len(self.partial) < _MOST_PARTIAL:
            namespace = dict(self._namespace)
            self.partial += partial_calls(statement, self._evaluate, namespace, self._loaded, sure=not doubt)

    def _begin(self, code: ast.AST) -> None:
        """Record the doubt of the values that the next code reads."""
        self._mode.begin()
        read = appended(code) or code
        self._of_statement = max(self._doubts.of(read), self._doubt_of_attributes(read))

    def _doubt_of_attributes(self, code: ast.AST) -> Doubt:
        """The doubt of `self.width`; of all attributes of an object that is passed on, or whose method is called."""
        if not self._of_attributes:
            return Doubt.NONE
        of_names = {id(part.value): part for part in ast.walk(code) if isinstance(part, ast.Attribute)}
        doubts = [Doubt.NONE]
        for part in ast.walk(code):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in self._namespace:
                owner, read = self._namespace[part.id], of_names.get(id(part))
                if read is not None and not isinstance(read.ctx, ast.Load):
                    continue
                is_method = read is not None and callable(getattr(type(owner), read.attr, None))
                doubts += [
                    doubt
                    for (number, name), (_, doubt) in self._of_attributes.items()
                    if number == id(owner) and (read is None or is_method or name == read.attr)
                ]
        return max(doubts)

    def _evaluate(self, expression: ast.expr) -> Any:
        self._begin(expression)
        code = compile(ast.Expression(expression), self._loaded.path, "eval", dont_inherit=True)
        with time_limit(STATEMENT_SECONDS):
            return eval(code, self._namespace)
