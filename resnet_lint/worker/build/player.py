"""Plays a piece of a user's script, statement by statement, and goes on after what fails.

A loop runs its first round or a few. A function of the file that is called is played likewise. What rests on something
that failed, or on a value that is made up, is `in doubt`: what fails there proves nothing.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FunctionType, ModuleType
from typing import Any

from ..load.command_line import is_invented
from ..load.definitions import ASSIGNMENTS, DEFINITIONS, changed_roots, names_bound, names_read, receivers, root_of
from ..load.load import Loaded
from ..process.limits import TimeUp, time_limit
from .partial_calls import PartialCall, partial_calls
from .script_surroundings import ScriptMode

_STATEMENT_SECONDS = 20.0
_MOST_ROUNDS = 6
_DEEPEST_CALL = 6
_MOST_PARTIAL = 20
_TRAINING = frozenset({"backward", "step", "zero_grad", "no_grad", "train", "eval"})
# Calls that change what they are called on; where one fails, that is not what it would be.
_CHANGING = re.compile(r"^(append|extend|insert|update|add_module|register_\w+|add|pop|remove|setdefault|\w+_)$")


class LeftError(Exception):
    """A round of a loop is left by `break` or `continue`."""

    def __init__(self, by: type[ast.stmt]) -> None:
        self.by = by


class ReturnedError(Exception):
    """A function that is played returns a value."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Player:
    """Runs statements one by one in a namespace; `played` are the functions of the file that these call.

    `partial` are the constructions in statements that failed, with the arguments that are known.
    """

    def __init__(
        self, loaded: Loaded, namespace: dict[str, Any], mode: ScriptMode, on_error: Callable[[BaseException], None]
    ) -> None:
        self.played: set[str] = set()
        self.partial: list[PartialCall] = []
        self._loaded = loaded
        self._namespace = namespace
        self._mode = mode
        self._on_error = on_error
        self._is_sheltered = False
        self._reads_doubtful = False
        self._doubtful: set[str] = set()
        self._depth = 0
        self._functions = {s.name: s for s in loaded.tree.body if isinstance(s, ast.FunctionDef)}

    @property
    def in_doubt(self) -> bool:
        """Whether a failure of the statement that runs proves nothing."""
        return self._is_sheltered or self._reads_doubtful or self._mode.made_up

    def play(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._play(statement)

    def _play(self, statement: ast.stmt) -> None:
        known = self._loaded.definitions.bound.get(id(statement))
        if known is not None and isinstance(statement, (*ASSIGNMENTS, *DEFINITIONS)):
            self._namespace.update(known)
            if isinstance(statement, ASSIGNMENTS) and self._reads_invented(statement):
                self._doubtful |= names_bound(statement)
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
            self._first_round(statement)
        elif not isinstance(statement, ast.Raise):
            self._run_or_enter(statement)

    def _reads_invented(self, statement: ast.stmt) -> bool:
        """Whether a statement reads a number that the command line has to give, or what rests on one."""
        return not self._doubtful.isdisjoint(names_read([statement])) or any(
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and is_invented(self._namespace.get(node.value.id), node.attr)
            for node in ast.walk(statement)
        )

    def _annotated(self, statement: ast.AnnAssign) -> None:
        """Without the annotation, which Python does not look at inside a function."""
        if statement.value is not None:
            self._run_or_enter(ast.copy_location(ast.Assign([statement.target], statement.value), statement))

    def _has_run(self, definition: ast.stmt) -> bool:
        """Whether a definition below `try` or `with` was run when the file was loaded."""
        is_module = self._namespace is vars(self._loaded.module)
        return is_module and names_bound(definition) <= set(self._namespace)

    def _guarded(self, statement: ast.With | ast.Try) -> None:
        """A block that catches errors, as `try` and `pytest.raises` do, may show on purpose what does not work."""
        catches = isinstance(statement, ast.Try) or any(
            re.search("raises|suppress", ast.unparse(item.context_expr), re.IGNORECASE) for item in statement.items
        )
        if isinstance(statement, ast.With):
            self._enter_context(statement)
        with self._sheltered(catches):
            self.play(statement.body)
        if isinstance(statement, ast.Try):
            self.play([*statement.orelse, *statement.finalbody])

    def _enter_context(self, statement: ast.With) -> None:
        """`with open(name) as file` gives a name its value; what a context does beside that is not played."""
        for item in statement.items:
            if isinstance(item.optional_vars, ast.Name):
                entered = ast.Call(ast.Attribute(item.context_expr, "__enter__", ast.Load()), [], [])
                assigned = ast.copy_location(ast.Assign([item.optional_vars], entered), item.context_expr)
                self._run(ast.fix_missing_locations(assigned))

    @contextmanager
    def _sheltered(self, sheltered: bool) -> Iterator[None]:
        outer, self._is_sheltered = self._is_sheltered, self._is_sheltered or sheltered
        try:
            yield
        finally:
            self._is_sheltered = outer

    def _choose(self, statement: ast.If) -> None:
        """A condition that cannot be known is taken to hold, without trust in what it leads to."""
        try:
            test = self._evaluate(statement.test)
            sure = not (self._reads_doubtful or self._mode.made_up)
        except TimeUp:
            raise
        except BaseException:
            test, sure = not _leaves(statement.body), False
        with self._sheltered(not sure):
            self.play(statement.body if test else statement.orelse)
        if not sure:
            changed = (
                receivers(part) | changed_roots(part) for part in ast.walk(statement) if isinstance(part, ast.stmt)
            )
            names = names_bound(statement).union(*changed)
            self._doubtful |= {n for n in names if not isinstance(self._namespace.get(n), ModuleType)}

    def _rounds(self, statement: ast.For) -> None:
        """A loop that gathers, as `layers.append(...)` does, is run whole; of others the first round is played.

        Where the values are written out, as in `for size in (128, 101)`, some more are. What rounds that are not
        played may change, as in `for layer in layers: x = layer(x)`, is in doubt after the loop.
        """
        if _gathers(statement):
            self._run(statement)
            return
        several = statement.iter.elts if isinstance(statement.iter, (ast.Tuple, ast.List)) else []
        is_written_out = bool(several) and not any(isinstance(value, ast.Starred) for value in several)
        if not is_written_out:
            iterator = ast.Call(ast.Name("iter", ast.Load()), [statement.iter], [])
            several = [ast.Call(ast.Name("next", ast.Load()), [iterator], [])]
        for value in several[:_MOST_ROUNDS]:
            assigned = ast.copy_location(ast.Assign([statement.target], value), statement.iter)
            try:
                if self._run(ast.fix_missing_locations(assigned)):
                    self.play(statement.body)
            except LeftError as left:
                if left.by is ast.Break:
                    break
        if not is_written_out or len(several) > _MOST_ROUNDS:
            self._doubtful |= self._changed_in(statement)

    def _first_round(self, loop: ast.While) -> None:
        """The first round of a `while` loop, where its condition holds; what more may change is in doubt after it."""
        with suppress(LeftError):
            self._choose(ast.copy_location(ast.If(loop.test, loop.body, []), loop))
        self._doubtful |= self._changed_in(loop)

    def _changed_in(self, loop: ast.stmt) -> set[str]:
        """The names that a loop binds, or whose objects its assignments change."""
        changed = (changed_roots(part) for part in ast.walk(loop) if isinstance(part, ast.stmt))
        names = names_bound(loop).union(*changed)
        return {name for name in names if not isinstance(self._namespace.get(name), ModuleType)}

    def _return(self, statement: ast.Return) -> None:
        value = ast.Assign([ast.Name("_returned", ast.Store())], statement.value or ast.Constant(None))
        self._run_or_enter(ast.fix_missing_locations(ast.copy_location(value, statement)))
        raise ReturnedError(self._namespace.pop("_returned", None))

    def _run_or_enter(self, statement: ast.stmt) -> None:
        """Run a statement; one that calls a function of the file, or gives a name its value, is played inside."""
        call = getattr(statement, "value", None)
        called = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else None
        function = self._namespace.get(called) if called in self._functions else None
        if (
            not isinstance(call, ast.Call)
            or not _can_be_played(function)
            or self._depth >= _DEEPEST_CALL
            or (not isinstance(statement, ast.Expr) and not _trains(self._functions[str(called)]))
        ):
            self._run(statement)
            return
        assert called is not None and isinstance(function, FunctionType)
        value = self._inside(called, function, call)
        if isinstance(statement, ast.Assign):
            self._namespace["_result"] = value
            assigned = ast.copy_location(ast.Assign(statement.targets, ast.Name("_result", ast.Load())), statement)
            self._run(ast.fix_missing_locations(assigned))
            self._namespace.pop("_result", None)

    def _inside(self, name: str, function: FunctionType, call: ast.Call) -> Any:
        """What a function of the file returns, played with the arguments of a call, as far as these are known."""
        self.played.add(name)
        arguments, doubtful = self._arguments(function, call)
        outer = self._namespace, self._doubtful
        self._namespace = {**vars(self._loaded.module), **arguments}
        self._doubtful = doubtful
        self._depth += 1
        try:
            self.play(self._functions[name].body)
        except ReturnedError as returned:
            return returned.value
        except LeftError:
            return None
        finally:
            self._namespace, self._doubtful = outer
            self._depth -= 1
        return None

    def _arguments(self, function: FunctionType, call: ast.Call) -> tuple[dict[str, Any], set[str]]:
        """The arguments of a call by their names, with the defaults, and which of them are in doubt."""
        parameters = list(inspect.signature(function).parameters.values())
        values = {p.name: p.default for p in parameters if p.default is not p.empty}
        given = dict(zip([p.name for p in parameters], call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
        doubtful = {p.name for p in parameters} - set(values) - set(given)
        for name, expression in given.items():
            try:
                values[name] = self._evaluate(expression)
                if self._reads_doubtful or self._mode.made_up:
                    doubtful.add(name)
            except TimeUp:
                raise
            except BaseException:
                values.pop(name, None)
                doubtful.add(name)
        return values, doubtful

    def _run(self, statement: ast.stmt) -> bool:
        """Run one statement; says whether it worked."""
        bound = names_bound(statement)
        reads_doubtful = self._begin(statement)
        code = compile(ast.Module([statement], []), self._loaded.path, "exec", dont_inherit=True)
        try:
            with time_limit(_STATEMENT_SECONDS):
                exec(code, self._namespace)
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp) as error:
            in_doubt = self.in_doubt
            if not in_doubt:
                self._on_error(error)
            self._note_partial_calls(statement, in_doubt)
            for name in bound:
                self._namespace.pop(name, None)
            self._doubtful |= changed_roots(statement) | _changed_by_call(statement)
            return False
        self._doubtful -= bound
        if reads_doubtful or self._mode.made_up:
            self._doubtful |= bound
        return True

    def _note_partial_calls(self, statement: ast.stmt, in_doubt: bool) -> None:
        if not isinstance(statement, DEFINITIONS) and len(self.partial) < _MOST_PARTIAL:
            namespace = dict(self._namespace)
            self.partial += partial_calls(statement, self._evaluate, namespace, self._loaded, sure=not in_doubt)

    def _begin(self, code: ast.AST) -> bool:
        """Note whether the code that is to run reads something doubtful."""
        self._mode.made_up = False
        self._reads_doubtful = not self._doubtful.isdisjoint(names_read([code]))
        return self._reads_doubtful

    def _evaluate(self, expression: ast.expr) -> Any:
        self._begin(expression)
        code = compile(ast.Expression(expression), self._loaded.path, "eval", dont_inherit=True)
        with time_limit(_STATEMENT_SECONDS):
            return eval(code, self._namespace)


def _trains(code: ast.AST) -> bool:
    """Whether some code has steps of training, or goes through a loader."""
    calls = [node.func for node in ast.walk(code) if isinstance(node, ast.Call)]
    return any(isinstance(function, ast.Attribute) and function.attr in _TRAINING for function in calls)


def _gathers(loop: ast.For) -> bool:
    """Whether a loop builds something up, as a list of layers, and does not train."""
    if _trains(loop):
        return False
    return any(
        isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.stmt) and bool(changed_roots(node)))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _CHANGING.match(node.func.attr))
        for node in ast.walk(loop)
    )


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether some statements end with what leaves the function, the loop or the program."""
    last = body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return ast.unparse(last.value.func) in ("exit", "quit", "sys.exit", "os._exit", "parser.error")
    return isinstance(last, (ast.Return, ast.Raise, ast.Break, ast.Continue))


def _can_be_played(function: Any) -> bool:
    """Whether a function is one of the file's own as it is written, not a decorated one, with plain parameters."""
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__") or inspect.isgeneratorfunction(function):
        return False
    kinds: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    return all(p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in kinds.values())


def _changed_by_call(statement: ast.stmt) -> set[str]:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _CHANGING.match(call.func.attr):
        root = root_of(call)
        return {root.id} if isinstance(root, ast.Name) else set()
    return set()
