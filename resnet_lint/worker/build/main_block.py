"""What a file does with its own models: the main block and the test functions, run statement by statement.

`model = Net()` and `model(torch.randn(1, 3, 32, 32))` in a main block say how to build the model and what to feed it.
The statements run on the meta device, and the outermost call of a module is handed to the tracer instead. A statement
that fails is passed over, a loop runs its first round or a few, and what trains or saves is left out.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..process.limits import TimeUp, time_limit
from ..tracer.intercept import intercepted
from .build import on_meta
from ..load.load import Loaded
from ..load.definitions import is_main_guard

_STATEMENT_SECONDS = 20.0
_MOST_ROUNDS = 6
_TRAINING = frozenset({"backward", "step", "save", "fit", "load_state_dict"})


class OnCall(Protocol):
    """Gets an outermost call of a module and gives back its output; `may_fail`: the file catches its errors."""

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], may_fail: bool) -> Any: ...


@dataclass(frozen=True)
class Scenario:
    """A piece of a file that uses its models: `name` says which, for people."""

    name: str
    body: list[ast.stmt]
    arguments: dict[str, Any]


class _StayOnMeta(TorchFunctionMode):
    """Sends tensors that are made for a GPU to meta instead."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if func in (torch.Tensor.cuda, torch.Tensor.cpu):
            return args[0]
        if func is torch.Tensor.to:
            args = tuple("meta" if isinstance(value, (str, torch.device)) else value for value in args)
        if named.get("device") is not None and torch.device(named["device"]).type != "cpu":
            named["device"] = "meta"
        return func(*args, **named)


def scenarios(loaded: Loaded) -> Iterator[Scenario]:
    """The main block, then the functions named test..., main or demo that need no argument."""
    for statement in loaded.tree.body:
        if isinstance(statement, ast.If) and is_main_guard(statement):
            yield Scenario("the main block", statement.body, {})
    for statement in loaded.tree.body:
        if isinstance(statement, ast.FunctionDef) and re.match(r"_*(test|main|demo|example)", statement.name):
            arguments = _defaults(vars(loaded.module).get(statement.name))
            if arguments is not None:
                yield Scenario(f"{statement.name}()", statement.body, arguments)


def _defaults(function: Any) -> dict[str, Any] | None:
    if not inspect.isfunction(function):
        return None
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if any(p.default is p.empty for p in named):
        return None
    return {p.name: p.default for p in named}


def play(scenario: Scenario, loaded: Loaded, on_call: OnCall) -> list[nn.Module]:
    """Run a scenario; outermost module calls go to `on_call`. Returns the modules that it built and never called."""
    namespace = {**vars(loaded.module), **scenario.arguments}
    called: list[nn.Module] = []

    player = _Player(loaded, namespace)

    def outermost(call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
        called.append(module)
        return on_call(on_meta(module), args, kwargs, player.may_fail)

    arguments, sys.argv = sys.argv, [loaded.path]
    try:
        with torch.device("meta"), _StayOnMeta(), _modules_stay(), intercepted(outermost):
            player.play(scenario.body)
    finally:
        sys.argv = arguments
    before = {id(value) for value in vars(loaded.module).values()}
    built = [value for value in namespace.values() if isinstance(value, nn.Module) and id(value) not in before]
    return [module for module in built if module not in called]


class _modules_stay:
    """`model.cuda()` and `model.to("cuda")` leave the model where it is."""

    def __enter__(self) -> None:
        self._saved = nn.Module.cuda, nn.Module.to
        to = nn.Module.to
        nn.Module.cuda = lambda module, device=None: module  # type: ignore[method-assign,assignment]
        nn.Module.to = lambda module, *args, **kwargs: (  # type: ignore[method-assign,assignment]
            to(module, "meta") if args and str(args[0]) == "meta" else module
        )

    def __exit__(self, *details: object) -> None:
        nn.Module.cuda, nn.Module.to = self._saved  # type: ignore[method-assign]


class _LeftError(Exception):
    """A round of a loop is left by `break` or `continue`."""

    def __init__(self, by: type[ast.stmt]) -> None:
        self.by = by


class _Player:
    """Runs statements one by one in a namespace, and goes on after those that fail."""

    def __init__(self, loaded: Loaded, namespace: dict[str, Any]) -> None:
        self._path = loaded.path
        self._namespace = namespace
        self.may_fail = False
        self._functions = {s.name for s in loaded.tree.body if isinstance(s, ast.FunctionDef)}

    def play(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._play(statement)

    def _play(self, statement: ast.stmt) -> None:
        if isinstance(statement, (ast.With, ast.Try)):
            self._guarded(statement)
        elif isinstance(statement, ast.If):
            self._choose(statement)
        elif isinstance(statement, ast.For):
            self._rounds(statement)
        elif isinstance(statement, ast.Return):
            if statement.value is not None:
                self._run(ast.copy_location(ast.Expr(statement.value), statement))
        elif isinstance(statement, ast.Assert):
            self._run(ast.copy_location(ast.Expr(statement.test), statement))
        elif isinstance(statement, (ast.Break, ast.Continue)):
            raise _LeftError(type(statement))
        elif not isinstance(statement, ast.While) and not self._is_left_out(statement):
            self._run(statement)

    def _guarded(self, statement: ast.With | ast.Try) -> None:
        """A block that catches errors, as `try` and `pytest.raises` do, may show on purpose what does not work."""
        catches = isinstance(statement, ast.Try) or any(
            re.search("raises|suppress", ast.unparse(item.context_expr), re.IGNORECASE) for item in statement.items
        )
        outer, self.may_fail = self.may_fail, self.may_fail or catches
        try:
            self.play(statement.body)
        finally:
            self.may_fail = outer

    def _choose(self, statement: ast.If) -> None:
        try:
            test = self._evaluate(statement.test)
        except TimeUp:
            raise
        except BaseException:
            test = True
        self.play(statement.body if test else statement.orelse)

    def _rounds(self, statement: ast.For) -> None:
        """The first round of a loop; where the values are written out, as in `for size in (128, 101)`, some more."""
        several = statement.iter.elts if isinstance(statement.iter, (ast.Tuple, ast.List)) else []
        if not several or any(isinstance(value, ast.Starred) for value in several):
            iterator = ast.Call(ast.Name("iter", ast.Load()), [statement.iter], [])
            several = [ast.Call(ast.Name("next", ast.Load()), [iterator], [])]
        for value in several[:_MOST_ROUNDS]:
            assigned = ast.copy_location(ast.Assign([statement.target], value), statement.iter)
            try:
                if self._run(ast.fix_missing_locations(assigned)):
                    self.play(statement.body)
            except _LeftError as left:
                if left.by is ast.Break:
                    return

    def _is_left_out(self, statement: ast.stmt) -> bool:
        """Whether a statement trains or saves, or calls a function of the file, which is played by itself."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TRAINING:
                return True
        return (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and isinstance(statement.value.func, ast.Name)
            and statement.value.func.id in self._functions
        )

    def _run(self, statement: ast.stmt) -> bool:
        """Run one statement; says whether it worked."""
        code = compile(ast.Module([statement], []), self._path, "exec", dont_inherit=True)
        try:
            with time_limit(_STATEMENT_SECONDS):
                exec(code, self._namespace)
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp):
            return False
        return True

    def _evaluate(self, expression: ast.expr) -> Any:
        return eval(compile(ast.Expression(expression), self._path, "eval", dont_inherit=True), self._namespace)
