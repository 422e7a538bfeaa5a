"""Finds layers that are constructed without the stride that the code around them computes and never reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .built_at import built_of
from .module_call import ModuleCall
from .node import Node
from .source_places import Point
from .syntax import Function, function_of, node_at

_STRIDE = re.compile(r"strides?")


@dataclass(frozen=True)
class UnusedStride:
    """A call that passes 1, or nothing, as a stride, in a function that has an unread name for it.

    `chain` are the call and those around it, innermost first, `call` the forward of the module that it constructs, and
    `parameters` those of the called constructor or helper.
    """

    name: str
    call: ModuleCall
    chain: tuple[Point, ...]
    parameters: tuple[str, ...]


def unused_stride(path: Sequence[Node]) -> UnusedStride | None:
    """The first convolution or block of a path that is constructed without its stride: `Block(64, 128, stride=1)`."""
    layers = (node.known_call for node in path if node.effect is not None and node.effect.sort == "convolution")
    return next((found for call in layers for found in _unused_strides(call)), None)


def _unused_strides(layer: ModuleCall) -> Iterator[UnusedStride]:
    built = built_of(layer.module)
    for level in range(1, len(built.chain)) if built is not None else ():
        assert built is not None
        point, callee = built.chain[level], built.chain[level - 1].code
        function, call = function_of(point.code), node_at(point)
        if function is None or not isinstance(call, ast.Call) or callee.co_name.startswith("<"):
            continue
        names = callee.co_varnames[: callee.co_argcount]
        parameters = names[1:] if callee.co_name == "__init__" else names
        for name in _unread_strides(function, call) if _passes_one(call, parameters) else ():
            block = _constructed_by(built.chain[level:], layer)
            yield UnusedStride(name, block, built.chain[level:], parameters)


def _constructed_by(chain: tuple[Point, ...], layer: ModuleCall) -> ModuleCall:
    """The module around a layer that a call constructs; the layer itself if that is a helper."""
    for call in layer.with_callers():
        built = built_of(call.module)
        if built is not None and built.chain == chain:
            return call
    return layer


def _passes_one(call: ast.Call, parameters: Sequence[str]) -> bool:
    """Whether a call leaves the parameter `stride` to its default, or passes 1."""
    if "stride" not in parameters or any(isinstance(argument, ast.Starred) for argument in call.args):
        return False
    if any(keyword.arg is None for keyword in call.keywords):
        return False
    passed = {keyword.arg: keyword.value for keyword in call.keywords} | dict(zip(parameters, call.args, strict=False))
    value = passed.get("stride")
    return value is None or (isinstance(value, ast.Constant) and value.value == 1)


def _unread_strides(function: Function, call: ast.Call) -> tuple[str, ...]:
    """The names of strides around a call that are not read: by no line of the function, or of a loop over them."""
    loops = (node for node in ast.walk(function) if isinstance(node, ast.For) and call in ast.walk(node))
    own = [name for loop in loops for name in _unread((loop.target, *loop.body))]
    parameters = [argument.arg for argument in function.args.args]
    return tuple(dict.fromkeys([*own, *_unread(function.body, parameters)]))


def _unread(nodes: Iterable[ast.AST], parameters: Iterable[str] = ()) -> list[str]:
    """The names of strides that these statements bind, or that are parameters, and that none of them reads."""
    names = [part for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)]
    read = {name.id for name in names if not isinstance(name.ctx, ast.Store)}
    bound = [*parameters, *(name.id for name in names)]
    return [name for name in bound if _STRIDE.fullmatch(name) and name not in read]
