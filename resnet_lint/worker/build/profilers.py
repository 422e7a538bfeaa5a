"""Calls that run a model on a given input: `summary(model, (3, 32, 32))`, `torch.jit.trace(model, x)`.

They are replaced by a call of the model with this input, whether or not their package is installed.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import nn

from .script_surroundings import scripted

_BATCH = 2
_PROFILED = "_profiled"  # the name of `profiled` in the namespace of a script

Inputs = tuple[Any, ...]


def with_profilers(statement: ast.stmt, namespace: dict[str, Any]) -> ast.stmt:
    """Replace such calls `f(...)` in a statement by `_profiled(f, "f")(...)`."""
    if not any(_name_of(node) in _READERS for node in ast.walk(statement)):
        return statement
    namespace[_PROFILED] = profiled
    return ast.fix_missing_locations(_Wrapped().visit(copy.deepcopy(statement)))  # type: ignore[no-any-return]


class _Wrapped(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = _name_of(node)
        if name in _READERS:
            function = ast.Call(ast.Name(_PROFILED, ast.Load()), [node.func, ast.Constant(name)], [])
            return ast.copy_location(ast.Call(ast.copy_location(function, node), node.args, node.keywords), node)
        return node


def _name_of(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def profiled(function: Any, name: str) -> Callable[..., Any]:
    """A function that calls the model passed to a profiler; the function itself if it is not a profiler."""

    def run(*args: Any, **kwargs: Any) -> Any:
        model, *rest = args or (kwargs.get("model"),)
        inputs = _READERS[name](_origin(function), rest, kwargs) if isinstance(model, nn.Module) else None
        if inputs is None or _is_users(function):
            return function(*args, **kwargs)
        model(*inputs)
        return scripted(model) if name == "trace" else None

    return run


def _is_users(function: Any) -> bool:
    """Whether a function is defined in the script, and so executed unchanged."""
    return (
        isinstance(function, FunctionType)
        and "site-packages" not in function.__code__.co_filename
        and not (function.__module__.startswith("torch"))
    )


def _origin(function: Any) -> str:
    """The package of a function, which need not be installed."""
    return str(getattr(function, "_name", None) or getattr(function, "__module__", "") or "").partition(".")[0]


def _given(names: Sequence[str], rest: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """An argument by position or by one of its names."""
    return rest[0] if rest else next((kwargs[name] for name in names if name in kwargs), None)


def _tensors(rest: Sequence[Any], kwargs: Mapping[str, Any], *names: str) -> Inputs | None:
    """The input itself, or several in a tuple or a list."""
    given = _given(names, rest, kwargs)
    if isinstance(given, torch.Tensor):
        return (given,)
    return tuple(given) if isinstance(given, (tuple, list)) and given else None


def _shapes(sizes: Any, kwargs: Mapping[str, Any], *, batch: bool) -> Inputs | None:
    """Tensors of one or several sizes; prepends a batch dimension if `batch`."""
    if not isinstance(sizes, (tuple, list)) or not sizes:
        return None
    shapes = [tuple(sizes)] if all(isinstance(size, int) for size in sizes) else [tuple(size) for size in sizes]
    dtypes = kwargs.get("dtypes") or [torch.float32] * len(shapes)
    front = (_BATCH,) if batch else ()
    return tuple(torch.zeros((*front, *size)).to(dtype) for size, dtype in zip(shapes, dtypes, strict=False))


def _summary(origin: str, rest: Sequence[Any], kwargs: Mapping[str, Any]) -> Inputs | None:
    """The inputs for torchsummary (sizes without batch) or torchinfo (with batch); both also accept tensors."""
    tensors = _tensors(rest, kwargs, "input_data", "x")
    if tensors is not None and any(isinstance(value, torch.Tensor) for value in tensors):
        return tensors
    without_batch = origin.startswith("torchsummary") or "batch_dim" in kwargs
    return _shapes(_given(("input_size", "input_shape"), rest, kwargs), kwargs, batch=without_batch)


def _complexity(origin: str, rest: Sequence[Any], kwargs: Mapping[str, Any]) -> Inputs | None:
    return _shapes(_given(("input_res",), rest, kwargs), kwargs, batch=True)


def _of_tensors(*names: str) -> Callable[[str, Sequence[Any], Mapping[str, Any]], Inputs | None]:
    return lambda origin, rest, kwargs: _tensors(rest, kwargs, *names)


_READERS: Mapping[str, Callable[[str, Sequence[Any], Mapping[str, Any]], Inputs | None]] = {
    "summary": _summary,
    "draw_graph": _summary,
    "get_model_complexity_info": _complexity,
    "profile": _of_tensors("inputs"),
    "FlopCountAnalysis": _of_tensors("inputs"),
    "add_graph": _of_tensors("input_to_model"),
    "trace": _of_tensors("example_inputs"),
    "export": _of_tensors("args"),
}
