"""Finds the functions in a file that return models, and the classes that they use, without executing them."""

from __future__ import annotations

import ast
import inspect
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from textwrap import dedent
from types import FunctionType
from typing import Any

import torch
from torch import nn

from resnet_lint.shared.records.places import Shape

from ..load.load import Loaded

_MAKERS = ("randn", "rand", "zeros", "ones", "empty")


def factories(loaded: Loaded) -> list[str]:
    """The functions of a file without required arguments that seem to return a model, in order."""
    names = []
    for statement in loaded.tree.body:
        if isinstance(statement, ast.FunctionDef) and not statement.name.startswith(("test", "main")):
            function = vars(loaded.module).get(statement.name)
            if callable(function) and _needs_nothing(function) and _may_return_module(statement, loaded):
                names.append(statement.name)
    return names


def novel_and_other(loaded: Loaded) -> tuple[list[str], list[str]]:
    """The novel factories of a file, and the others; a novel one uses a function, class or word that is new.

    `maxvit_tiny` and `maxvit_rmlp_tiny` may differ only in a table of settings, but construct different classes.
    """
    novel: list[str] = []
    other: list[str] = []
    seen: set[str] = set()
    for name in factories(loaded):
        marks = {node.name for node in _reached(name, loaded)} - {name} | set(re.findall("[a-z]+", name.lower()))
        (other if marks <= seen else novel).append(name)
        seen |= marks
    return novel, other


def leads_to(name: str, loaded: Loaded) -> frozenset[str]:
    """The names of the classes of the file that a function uses, directly or indirectly."""
    return frozenset(node.name for node in _reached(name, loaded) if isinstance(node, ast.ClassDef))


def mentions(name: str, names: frozenset[str], loaded: Loaded) -> bool:
    """Whether a class of the file reads one of these names, directly or indirectly."""
    return any(not names.isdisjoint(_names_in(node)) for node in _reached(name, loaded))


def options_of(name: str, loaded: Loaded) -> list[str]:
    """The boolean options that a factory reads from its keyword arguments: `kwargs.pop("features_only", False)`.

    It may pass them to a helper in another file of the project.
    """
    own = _reached(name, loaded)
    bodies = [*own, *_helpers_elsewhere(own, loaded)]
    calls = [node for body in bodies for node in ast.walk(body) if isinstance(node, ast.Call)]
    found = [call.args[0].value for call in calls if _reads_switch(call) and isinstance(call.args[0], ast.Constant)]
    return list(dict.fromkeys(option for option in found if isinstance(option, str)))


def _helpers_elsewhere(bodies: Sequence[ast.AST], loaded: Loaded) -> Iterator[ast.AST]:
    """The functions in other files of the project that some functions call by name."""
    calls = [node.func for body in bodies for node in ast.walk(body) if isinstance(node, ast.Call)]
    for name in sorted({function.id for function in calls if isinstance(function, ast.Name)}):
        helper = vars(loaded.module).get(name)
        if inspect.isfunction(helper) and _is_of_another_file(helper, loaded):
            yield ast.parse(dedent(inspect.getsource(helper)))


def _is_of_another_file(function: FunctionType, loaded: Loaded) -> bool:
    return function.__module__ != loaded.module.__name__ and loaded.project.owns(function.__code__)


def _reads_switch(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("pop", "get")
        and ast.unparse(call.func.value).endswith("kwargs")
        and len(call.args) == 2
        and isinstance(call.args[1], ast.Constant)
        and call.args[1].value is False
    )


def _reached(name: str, loaded: Loaded) -> list[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of the file that one of them uses, including itself."""
    bodies = {s.name: s for s in loaded.tree.body if isinstance(s, (ast.FunctionDef, ast.ClassDef))}
    reached: dict[str, ast.FunctionDef | ast.ClassDef] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in reached and current in bodies:
            reached[current] = bodies[current]
            waiting.extend(_names_in(bodies[current]))
    return list(reached.values())


@cache
def _names_in(body: ast.FunctionDef | ast.ClassDef) -> tuple[str, ...]:
    """The distinct names in the code of a function or class; cached, because files may have a hundred factories."""
    return tuple(dict.fromkeys(node.id for node in ast.walk(body) if isinstance(node, ast.Name)))


def _needs_nothing(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _may_return_module(function: ast.FunctionDef, loaded: Loaded) -> bool:
    """Whether a function returns a call, or a variable with the result of one, which may be a model."""
    called = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    annotation = ast.unparse(function.returns) if function.returns is not None else ""
    if annotation in ("None", "int", "str", "bool", "float", "Tensor", "torch.Tensor"):
        return False
    if not leads_to(function.name, loaded) and "Module" not in annotation:
        return False
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    return any(isinstance(v, ast.Call) or (isinstance(v, ast.Name) and v.id in called) for v in returned)


def shapes_in(tree: ast.Module) -> list[Shape]:
    """The distinct literal shapes of images and sequences in a file, as in `torch.randn(1, 3, 224, 224)`."""
    found: list[Shape] = []
    for node in _but_weights(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MAKERS:
            shape = _literal_shape(node.args)
            if shape is not None and max(shape[2:], default=1) > 1 and shape not in found:
                found.append(shape)
    return found


def _but_weights(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes except for those in `nn.Parameter(...)` and `register_buffer(...)`, which are not inputs."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        function = node.func if isinstance(node, ast.Call) else None
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if not called.endswith(("Parameter", "register_buffer")):
            waiting.extend(ast.iter_child_nodes(node))


def _literal_shape(args: Sequence[ast.expr]) -> Shape | None:
    if len(args) == 1 and isinstance(args[0], (ast.Tuple, ast.List)):
        args = args[0].elts
    sizes = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, int)]
    return tuple(sizes) if sizes and len(sizes) == len(args) and min(sizes) > 0 else None


def _attribute(module: nn.Module, name: str) -> Any:
    """An attribute of the user's module; None if it does not exist or reading it fails."""
    try:
        return getattr(module, name, None)
    except Exception:
        return None


def own_shapes(module: nn.Module) -> list[Shape]:
    """The input shapes that a model itself declares: `example_input_array`, or timm's `default_cfg`."""
    found: list[Shape] = []
    example = _attribute(module, "example_input_array")
    if isinstance(example, torch.Tensor):
        found.append(tuple(example.shape))
    configuration = _attribute(module, "default_cfg")
    size = configuration.get("input_size") if isinstance(configuration, dict) else None
    if isinstance(size, (tuple, list)):
        found.append((2, *size))
    return found
