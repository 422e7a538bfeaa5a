"""Runs single statements of a user's script, and keeps track of what failed and of what depends on it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from ..load.definitions import DEFINITIONS, changed_roots, names_bound
from ..load.load import Loaded
from ..load.project_files import where_files_are
from ..process.limits import TimeUp, time_limit
from .doubt import Doubt, Doubts
from .known_calls import known_calls
from .partial_calls import PartialCall, partial_calls
from .profilers import with_profilers
from .script_surroundings import ScriptMode
from .statement_kinds import appended, changed_by_call

STATEMENT_SECONDS = 20.0
_MOST_PARTIAL = 20


class StatementRunner:
    """Runs statements in a namespace; `partial` are the constructor calls in failed ones, with their known arguments.

    `failures` is the number of failed statements.
    """

    def __init__(
        self,
        loaded: Loaded,
        namespace: dict[str, Any],
        mode: ScriptMode,
        on_error: Callable[[BaseException, Doubt], None],
    ) -> None:
        self.partial: list[PartialCall] = []
        self.failures = 0
        self._loaded = loaded
        self._namespace = namespace
        self._mode = mode
        self._on_error = on_error
        self._around = Doubt.NONE
        self._of_statement = Doubt.NONE
        self._doubts = Doubts(loaded.tree)
        self._of_attributes: dict[tuple[int, str], tuple[Any, Doubt]] = {}  # with their objects, which keeps the ids
        self._lost: set[str] = set()  # names that could not be computed

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
            self._doubts.add(changed_roots(statement) | changed_by_call(statement), Doubt.UNKNOWN)
            return False
        before = self._doubts.of_names(bound) if isinstance(statement, (ast.AugAssign, ast.For)) else Doubt.NONE
        self._doubts.clear(bound)
        doubt = max(self._of_statement, self._mode.doubt, before)
        self._doubts.add(bound | changed_by_call(statement), doubt)
        for owner, name in self._attributes(statement, ast.Store):
            if doubt:
                self._of_attributes[id(owner), name] = owner, doubt
            elif isinstance(statement, ast.Assign):
                self._of_attributes.pop((id(owner), name), None)
        return True

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
        known = self._of_attributes
        attributes = self._attributes(read, ast.Load) if known else ()
        of_attributes = [known[id(owner), name][1] for owner, name in attributes if (id(owner), name) in known]
        self._of_statement = max(self._doubts.of(read), *of_attributes, Doubt.NONE)

    def _evaluate(self, expression: ast.expr) -> Any:
        self._begin(expression)
        code = compile(ast.Expression(expression), self._loaded.path, "eval", dont_inherit=True)
        with time_limit(STATEMENT_SECONDS):
            return eval(code, self._namespace)
