"""Calls that have a function of the script run elsewhere: in other processes, or with the command line's arguments.

`mp.spawn(train, args=(2, options), nprocs=2)` is executed as `train(0, 2, options)`, in this process.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class _Launch:
    """The arguments of a launcher, by position and by name."""

    args: list[ast.expr]
    named: Mapping[str, ast.expr]

    def given(self, name: str, position: int) -> ast.expr | None:
        return self.named.get(name, self.args[position] if position < len(self.args) else None)


@dataclass(frozen=True)
class _Launcher:
    """How a launcher gets the function, the name and position of its argument, and what it calls it with."""

    function: tuple[str, int]
    arguments: Callable[[_Launch], list[ast.expr] | None]
    keywords: Callable[[_Launch], list[ast.keyword]] = lambda launch: []


def launched(call: ast.Call, functions: Container[str]) -> ast.Call | None:
    """The call of a function of the script that a launcher makes, in the first of its processes; None for other calls.

    Returns None too where the arguments are not written out.
    """
    name = ast.unparse(call.func)
    launcher = _LAUNCHERS.get(name) or _LAUNCHERS.get(name.rpartition(".")[2])
    if launcher is None or name in functions:
        return None
    launch = _Launch(call.args, {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None})
    function = launch.given(*launcher.function)
    arguments = launcher.arguments(launch)
    if not isinstance(function, ast.Name) or function.id not in functions or arguments is None:
        return None
    made = ast.Call(function, arguments, launcher.keywords(launch))
    return ast.fix_missing_locations(ast.copy_location(made, call))


def launches(code: ast.AST, functions: Container[str]) -> bool:
    """Whether some code contains such a call."""
    return any(launched(node, functions) is not None for node in ast.walk(code) if isinstance(node, ast.Call))


def _in_tuple(position: int) -> Callable[[_Launch], list[ast.expr] | None]:
    """The arguments are a tuple: `notebook_launcher(train, (options,))`."""

    def arguments(launch: _Launch) -> list[ast.expr] | None:
        given = launch.given("args", position)
        if given is None:
            return []
        if not isinstance(given, (ast.Tuple, ast.List)) or any(isinstance(each, ast.Starred) for each in given.elts):
            return None
        return given.elts

    return arguments


def _after_rank(launch: _Launch) -> list[ast.expr] | None:
    """The number of the process comes first: `mp.spawn(train, (options,))`."""
    arguments = _in_tuple(1)(launch)
    return None if arguments is None else [ast.Constant(0), *arguments]


def _none(launch: _Launch) -> list[ast.expr]:
    """The defaults: `fire.Fire(train)`."""
    return []


def _keywords(launch: _Launch) -> list[ast.keyword]:
    """`kwargs={"lr": 0.1}` of a process."""
    given = launch.named.get("kwargs")
    pairs = zip(given.keys, given.values, strict=True) if isinstance(given, ast.Dict) else ()
    return [ast.keyword(str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant)]


_LAUNCHERS: Mapping[str, _Launcher] = {
    "spawn": _Launcher(("fn", 0), _after_rank),  # torch.multiprocessing, torch_xla
    "Process": _Launcher(("target", 1), _in_tuple(3), _keywords),
    "notebook_launcher": _Launcher(("function", 0), _in_tuple(1)),  # accelerate
    "launch": _Launcher(("main_func", 0), _in_tuple(5)),  # detectron2
    "Fire": _Launcher(("component", 0), _none),
    "typer.run": _Launcher(("function", 0), _none),
    "agent": _Launcher(("function", 1), _none),  # a sweep of wandb
}
