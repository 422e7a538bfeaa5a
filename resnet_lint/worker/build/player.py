"""Executes part of a user's script statement by statement, and continues after failures.

Loops run for the first iterations. Called functions of the file are executed in the same way. Anything that depends on
a failed statement or a guessed value is `in doubt`: failures there are not reported.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from ..load.click_commands import command_of
from ..load.definitions import ASSIGNMENTS, DEFINITIONS, names_bound, names_changed, receivers
from ..outside import OUTSIDE
from ..process.limits import TimeUp
from .callee import Callee
from .calls_in_statement import calls_in, with_results
from .doubt import Doubt
from .launchers import launched
from .leaving import EndedError, LeftError, ReturnedError
from .lightning_fit import FIT, as_fit, fit, fits
from .loop_player import LoopPlayer
from .statement_kinds import catches, ends_program, leaves

_DEEPEST_CALL = 6


@dataclass(eq=False)
class Player(LoopPlayer):
    """Executes statements in a namespace; `played` are the functions of the file that they call."""

    played: set[str] = field(default_factory=set, init=False)
    _is_conditional: bool = field(default=False, init=False)
    _depth: int = field(default=0, init=False)

    def play(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._play(statement)

    def _play(self, statement: ast.stmt) -> None:
        self._unplayed.note(statement)
        known = self._loaded.definitions.bound.get(id(statement))
        if known is not None and self._is_kept(statement):
            self._namespace.update(known)
            self._doubts.add(known, self._doubt_of_kept(statement))
        elif isinstance(statement, DEFINITIONS) and self._has_run(statement):
            return
        elif isinstance(statement, (ast.With, ast.Try)):
            self._guarded(statement)
        elif isinstance(statement, ast.If):
            self._choose(statement)
        elif isinstance(statement, ast.For):
            self._rounds(statement)
        elif isinstance(statement, ast.Return):
            self._return(statement)
        elif isinstance(statement, ast.Assert):
            self._run(ast.copy_location(ast.Expr(statement.test), statement))
        elif isinstance(statement, (ast.Break, ast.Continue)):
            raise LeftError(type(statement))
        elif isinstance(statement, ast.AnnAssign):
            self._annotated(statement)
        elif isinstance(statement, ast.While):
            self._while(statement)
        elif ends_program(statement):
            self._end(statement)
        elif not isinstance(statement, ast.Raise):
            self._run_or_enter(statement)

    def _end(self, statement: ast.stmt) -> None:
        """Skip an exit below a condition, such as missing data."""
        call = getattr(statement, "value", None) or getattr(statement, "exc", None)
        if isinstance(call, ast.Call):
            for argument in call.args:  # sys.exit(main())
                self._play(ast.copy_location(ast.Expr(argument), statement))
        if not self._is_conditional:
            raise EndedError

    @contextmanager
    def _conditionally(self) -> Iterator[None]:
        outer, self._is_conditional = self._is_conditional, True
        try:
            yield
        finally:
            self._is_conditional = outer

    def _is_kept(self, statement: ast.stmt) -> bool:
        """Whether the result of a statement at import is kept; a second trial has other numbers."""
        return isinstance(statement, DEFINITIONS) or (isinstance(statement, ASSIGNMENTS) and not OUTSIDE.trial)

    def _doubt_of_kept(self, statement: ast.stmt) -> Doubt:
        """The doubt of a kept definition that has read a guessed number in the first trial, such as a default."""
        is_definition = isinstance(statement, DEFINITIONS)
        if id(statement) in self._loaded.definitions.invented:
            return Doubt.UNKNOWN if is_definition else Doubt.INVENTED
        return Doubt.NONE if is_definition else self._doubts.of(statement)

    def _annotated(self, statement: ast.AnnAssign) -> None:
        """Execute an annotated assignment without its annotation, which Python does not evaluate in functions."""
        if statement.value is not None:
            self._run_or_enter(ast.copy_location(ast.Assign([statement.target], statement.value), statement))

    def _has_run(self, definition: ast.stmt) -> bool:
        """Whether a definition below `try` or `with` was executed at import."""
        is_module = self._namespace is vars(self._loaded.module)
        return is_module and names_bound(definition) <= set(self._namespace)

    def _guarded(self, statement: ast.With | ast.Try) -> None:
        """Execute a block that may catch errors, such as `try` or `pytest.raises`, where failures may be intended."""
        if isinstance(statement, ast.With):
            self._enter_context(statement)
        is_caught = catches(statement, self._namespace)
        with self._inside_of(Doubt.CAUGHT if is_caught else Doubt.NONE), self._conditionally():
            self.play(statement.body)
        if isinstance(statement, ast.Try):
            self.play([*statement.orelse, *statement.finalbody])

    def _enter_context(self, statement: ast.With) -> None:
        """Bind the name in `with open(name) as file`, without other effects of the context manager."""
        for item in statement.items:
            if isinstance(item.optional_vars, ast.Name):
                entered = ast.Call(ast.Attribute(item.context_expr, "__enter__", ast.Load()), [], [])
                assigned = ast.copy_location(ast.Assign([item.optional_vars], entered), item.context_expr)
                self._run(ast.fix_missing_locations(assigned))

    @contextmanager
    def _inside_of(self, doubt: Doubt) -> Iterator[None]:
        """Inside the with block, every statement has at least this doubt."""
        outer, self._around = self._around, max(self._around, doubt)
        try:
            yield
        finally:
            self._around = outer

    def _choose(self, statement: ast.If) -> bool:
        """Assume that an unknown condition is true; the statements below it are in doubt. Returns the condition."""
        try:
            test = self._evaluate(statement.test)
            sure = not max(self._of_statement, self._mode.doubt)
        except TimeUp:
            raise
        except BaseException:
            test, sure = not leaves(statement.body), False
        with self._inside_of(Doubt.NONE if sure else Doubt.UNKNOWN), self._conditionally():
            self.play(statement.body if test else statement.orelse)
        if not sure:
            self._unplayed.note_all(statement)
            self._doubts.add(self._but_modules(receivers(statement)), Doubt.UNKNOWN)
            self._suspect(statement, self._but_modules(names_changed(statement)))
        return bool(test)

    def _return(self, statement: ast.Return) -> None:
        value = ast.Assign([ast.Name("_returned", ast.Store())], statement.value or ast.Constant(None))
        self._run_or_enter(ast.fix_missing_locations(ast.copy_location(value, statement)))
        doubt = self.doubt_of("_returned")
        self._doubts.clear({"_returned"})
        raise ReturnedError(self._namespace.pop("_returned", None), doubt)

    def _run_or_enter(self, statement: ast.stmt) -> None:
        """Run a statement; if it calls a function of the file, or assigns the result of one, execute that function."""
        call = getattr(statement, "value", None)
        made = launched(call, self._functions) if isinstance(call, ast.Call) else None
        if made is not None:
            self._run_or_enter(ast.copy_location(ast.Expr(made), statement))
            if isinstance(statement, ast.Expr):
                return
        if isinstance(call, ast.Call) and isinstance(statement, (ast.Expr, ast.Assign)) and self._fits(call):
            self._run_fit(statement, call)
            return
        called = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else None
        function = self._namespace.get(called) if called in self._functions else None
        command = command_of(function)
        if command is not None and isinstance(call, ast.Call) and not (call.args or call.keywords):
            self.played.add(str(called))
            doubts = {name: Doubt.INVENTED if name in command.invented else Doubt.NONE for name in command.arguments}
            self._body_of(self._functions[str(called)], dict(command.arguments), doubts)
            raise EndedError  # click commands exit at the end
        results: dict[ast.expr, str] = {}
        for inner in calls_in(statement):
            self._keep_receiver(inner, results)
            callee = self._callees.of(with_results(inner, results), self._namespace)
            if callee is not None and self._is_played(callee, inner is call and isinstance(statement, ast.Expr)):
                self.played.add(callee.function.__qualname__)
                self._keep(
                    *self._body_of(callee.definition, *self._arguments(callee.function, callee.call)), inner, results
                )
        self._run(with_results(statement, results) if results else statement)
        for name in results.values():
            self._namespace.pop(name, None)
            self._doubts.clear({name})

    def _keep_receiver(self, call: ast.Call, results: dict[ast.expr, str]) -> None:
        """Put the object of a method that trains under a name of its own: that of `Trainer(model).fit()`."""
        match call.func:
            case ast.Attribute(receiver, name) if name in self._callees.training and not isinstance(receiver, ast.Name):
                with suppress(Exception, SystemExit, KeyboardInterrupt, TimeUp):  # the statement fails in the same way
                    value = self._evaluate(with_results(receiver, results))
                    self._keep(value, max(self._of_statement, self._mode.doubt), receiver, results)

    def _keep(self, value: Any, doubt: Doubt, of: ast.expr, results: dict[ast.expr, str]) -> None:
        """Put the value of an expression under a name of its own."""
        results[of] = name = f"_result_{len(results)}"
        self._namespace[name] = value
        self._doubts.add({name}, doubt)

    def _is_played(self, callee: Callee, is_statement: bool) -> bool:
        """Whether a function is executed statement by statement; others are called."""
        is_wanted = is_statement or callee.definition.name in self._callees.training
        return is_wanted and self._depth < _DEEPEST_CALL

    def _fits(self, call: ast.Call) -> bool:
        """Whether a call is that of a trainer whose class is not in the file."""
        return fits(call) and not (isinstance(call.func, ast.Attribute) and call.func.attr in self._callees.training)

    def _run_fit(self, statement: ast.Expr | ast.Assign, call: ast.Call) -> None:
        self._namespace[FIT] = fit
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        changed = ast.Assign(targets, as_fit(call)) if targets else ast.Expr(as_fit(call))
        self._run(ast.fix_missing_locations(ast.copy_location(changed, statement)))
        del self._namespace[FIT]

    def _body_of(
        self, function: ast.FunctionDef, arguments: dict[str, Any], doubts: dict[str, Doubt]
    ) -> tuple[Any, Doubt]:
        """Execute a function of the file with these arguments; returns its result and doubt."""
        outer, self._namespace = self._namespace, {**vars(self._loaded.module), **arguments}
        kept = [name for part in ast.walk(function) if isinstance(part, ast.Global) for name in part.names]
        self._depth += 1
        try:
            with self._doubts.inside(doubts, kept):
                self.play(function.body)
        except ReturnedError as returned:
            return returned.value, returned.doubt
        except LeftError:
            return None, Doubt.UNKNOWN
        finally:
            bound = {name: self._namespace[name] for name in kept if name in self._namespace}
            vars(self._loaded.module).update(bound)
            outer.update(bound)
            self._namespace = outer
            self._depth -= 1
        return None, Doubt.NONE

    def _arguments(self, function: FunctionType, call: ast.Call) -> tuple[dict[str, Any], dict[str, Doubt]]:
        """The arguments of a call by name, with defaults, and their doubts."""
        parameters = list(inspect.signature(function).parameters.values())
        values = {p.name: p.default for p in parameters if p.default is not p.empty}
        given = dict(zip([p.name for p in parameters], call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
        known = set(values) | set(given)
        doubts = {p.name: Doubt.NONE if p.name in known else Doubt.UNKNOWN for p in parameters}
        for name, expression in given.items():
            try:
                values[name] = self._evaluate(expression)
                is_name = isinstance(expression, ast.Name)  # what its attributes hold stays in doubt there
                doubts[name] = self._doubts.of(expression) if is_name else max(self._of_statement, self._mode.doubt)
            except TimeUp:
                raise
            except BaseException:
                values.pop(name, None)
                self._lost.add(name)
                doubts[name] = Doubt.UNKNOWN
        return values, doubts
