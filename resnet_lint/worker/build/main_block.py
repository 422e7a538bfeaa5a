"""Executes the script and the test functions of a file statement by statement, to see how it uses its models.

`model = Net()` and `model(torch.randn(1, 3, 32, 32))`, at module level or in a main block, show how to construct and
call the model. The statements run on the meta device, and outermost module calls are passed to the tracer. Statements
that fail are skipped, loops run for the first iterations, and nothing is trained or saved.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Protocol

from torch import nn

from resnet_lint.graph.built_at import built_of

from ..load.definitions import defines, is_main_guard
from ..load.load import Loaded
from ..tensors import parameters_of
from ..torch_quirks.absent_environment import Weights
from ..torch_quirks.transforms import is_transformed
from ..tracer.intercept import intercepted
from ..tracer.proof import DataDependentError
from ..tracer.training_mode import Modes, modes_kept, set_modes
from .build import on_meta
from .docstring_examples import docstring_examples
from .doubt import Doubt
from .leaving import EndedError, LeftError, ReturnedError
from .method_calls import methods_intercepted, with_forward
from .partial_calls import PartialCall
from .player import Player
from .script_surroundings import ScriptMode, script_surroundings
from .tested_functions import bodies, methods


@dataclass(frozen=True)
class Answer:
    """The output of a module call; `sure` is False if the call fails and this is a substitute."""

    output: Any
    sure: bool = True


class OnCall(Protocol):
    """Handles an outermost module call; `doubt` returns how far a failure can be trusted, also after the call.

    The module is in evaluation mode; `modes` are those of the script.
    """

    def __call__(
        self,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        doubt: Callable[[], Doubt],
        modes: Modes,
    ) -> Answer: ...


@dataclass(frozen=True)
class Scenario:
    """Code of a file that uses its models; `name` describes it for the user.

    `function` is the function, None for the script itself. `doubt` is how far its failures can be trusted at best.
    """

    name: str
    body: list[ast.stmt]
    arguments: dict[str, Any]
    function: str | None = None
    doubt: Doubt = Doubt.NONE


def scenarios(loaded: Loaded) -> Iterator[Scenario]:
    """The file as a script, then its functions named test..., main or demo without required arguments."""
    script = list(_script(loaded.tree.body))
    if any(not defines(statement) or _calls_something(statement) for statement in script):
        yield Scenario("the script", script, {})
    for statement in loaded.tree.body:
        if isinstance(statement, ast.FunctionDef) and re.match(r"_*(test|main|demo|example)", statement.name):
            arguments = _defaults(vars(loaded.module).get(statement.name))
            if arguments is not None:
                yield Scenario(f"{statement.name}()", statement.body, arguments, statement.name)
            elif statement.name.startswith("test"):
                for number, body in enumerate(bodies(statement, loaded.tree)):
                    yield Scenario(f"{statement.name}()", body, {}, f"{statement.name}#{number}")
    for name, body in methods(loaded.tree):
        yield Scenario(f"{name}()", body, {}, name)


def documented(loaded: Loaded) -> Iterator[Scenario]:
    """The examples in the docstrings of a file, which may leave out what they need."""
    for name, body in docstring_examples(loaded.tree):
        yield Scenario(f"the example of {name}", body, {}, f"{name}.__doc__", Doubt.CAUGHT)


def _script(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a script, without its docstring, and with its main block inlined."""
    for statement in body:
        if isinstance(statement, ast.If) and is_main_guard(statement):
            yield from statement.body
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield statement


def _calls_something(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Assign, ast.AnnAssign)) and any(
        isinstance(node, ast.Call) for node in ast.walk(statement)
    )


def _defaults(function: Any) -> dict[str, Any] | None:
    if not inspect.isfunction(function):
        return None
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if any(p.default is p.empty for p in named):
        return None
    return {p.name: p.default for p in named}


@dataclass(frozen=True)
class Played:
    """The result of a scenario: the modules that it constructed but did not call, and the executed functions.

    The arguments of modules in `doubtful` are in doubt. `partial` are failed constructor calls with their known
    arguments.
    """

    built: list[nn.Module]
    functions: frozenset[str]
    partial: Sequence[PartialCall] = ()
    doubtful: Sequence[nn.Module] = ()


OnTorch = Callable[[Callable[..., Any], tuple[Any, ...], Mapping[str, Any], str | None, Doubt], None]
"""Called with the doubt for a torch call that fails on the CPU too, with the error message, and for a loss, with None.
"""

OnError = Callable[[BaseException, Doubt], None]


def _ignored(error: BaseException, doubt: Doubt) -> None:
    """Ignore an exception of the script."""


def play(
    scenario: Scenario, loaded: Loaded, on_call: OnCall, on_torch: OnTorch, on_error: OnError = _ignored
) -> Played:
    """Run a scenario; passes outermost module calls to `on_call`, its failing torch calls and its losses to `on_torch`,
    and other exceptions to `on_error`.
    """
    own = vars(loaded.module)
    namespace = own if scenario.function is None else {**own, **scenario.arguments}
    before = set() if scenario.function is None else set(map(id, own.values()))
    called: list[nn.Module] = []

    def torch_call(
        func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], error: str | None
    ) -> None:
        on_torch(func, args, kwargs, error, max(player.doubt, scenario.doubt))

    mode = ScriptMode(torch_call)
    player = Player(loaded, namespace, mode, lambda error, doubt: on_error(error, max(doubt, scenario.doubt)), called)

    views: dict[tuple[int, str], nn.Module] = {}

    def outermost(call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
        if not _is_model(module, loaded) or is_transformed():
            return call(module, *args, **kwargs)
        if any(isinstance(value, Weights) for value in (*args, *kwargs.values())):
            raise FileNotFoundError("an input was loaded from a missing file")
        called.extend(nn.Module.modules(module))
        return handed_on(module, args, kwargs)

    def method(function: FunctionType, module: nn.Module, args: Any, kwargs: Any) -> Any:
        if mode.is_in_model or not _is_model(module, loaded) or is_transformed():
            return function(module, *args, **kwargs)
        key = id(module), function.__name__
        view = views[key] = views.get(key) or with_forward(module, function)
        called.append(module)
        try:
            return handed_on(view, args, kwargs)
        except DataDependentError:
            return function(module, *args, **kwargs)  # its submodules are called anyway

    def handed_on(module: nn.Module, args: Any, kwargs: Any) -> Any:
        mode.is_in_model = True
        try:
            with modes_kept(module) as modes:
                answer = on_call(on_meta(module), args, kwargs, lambda: max(player.doubt, scenario.doubt), modes)
        finally:
            mode.is_in_model = False
        mode.ask_for(Doubt.NONE if answer.sure else Doubt.UNKNOWN)
        return answer.output

    leaving = suppress(EndedError, LeftError, ReturnedError)
    with script_surroundings(loaded.path, mode), intercepted(outermost), methods_intercepted(loaded, method), leaving:
        try:
            player.play(scenario.body)
        finally:
            set_modes(dict.fromkeys(called, False))
    built = {
        name: value
        for name, value in namespace.items()
        if isinstance(value, nn.Module) and id(value) not in before and _is_built_here(value, loaded)
    }
    parts = {id(part) for module in built.values() for part in nn.Module.modules(module) if part is not module}
    done = set(map(id, called)) | parts
    left = {name: module for name, module in built.items() if id(module) not in done}
    doubtful = {name for name in left if player.doubt_of(name)}
    return Played(
        [module for name, module in left.items() if name not in doubtful],
        frozenset(player.played),
        player.partial,
        [left[name] for name in sorted(doubtful)],
    )


def _is_model(module: nn.Module, loaded: Loaded) -> bool:
    """Whether a module is the user's or has parameters; losses and torchvision's transforms are not models."""
    code = getattr(type(module).forward, "__code__", None)
    is_users = code is not None and loaded.project.owns(code)
    return (
        is_users or next(parameters_of(module), None) is not None or next(nn.Module.buffers(module), None) is not None
    )


def _is_built_here(module: nn.Module, loaded: Loaded) -> bool:
    """Whether the file constructed a module that is more than a loss or an activation."""
    built = built_of(module)
    return (
        built is not None
        and any(point.code.co_filename == loaded.path for point in built.chain)
        and next(parameters_of(module), None) is not None
    )
