"""Finds widths that lost a factor: `Conv2d(width, width)` before `Conv2d(width // 4, width)`."""

from __future__ import annotations

import ast
import inspect

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.node import Node
from resnet_lint.graph.syntax import call_at

from .evidence import parameter_for, width_name


def lost_its_factor(giver: Node | None, taker: Node) -> bool:
    """Whether a layer gives the name that the next layer computes its input from, in the same function.

    A factor is forgotten rather than invented, so the layer with the plain name is the wrong one.
    """
    if giver is None or giver.effect is None:
        return False
    built = [built_of(node.known_call.module) for node in (giver, taker)]
    codes = {one.chain[0].code for one in built if one is not None}
    given, taken = _argument(giver, width_name(giver.effect)), _argument(taker, parameter_for(taker.known_call.module))
    if len(codes) != 1 or None in built or not isinstance(given, ast.Name) or not isinstance(taken, ast.BinOp):
        return False
    return given.id in {name.id for name in ast.walk(taken) if isinstance(name, ast.Name)}


def _argument(node: Node, parameter: str) -> ast.expr | None:
    """The expression that constructs a layer's argument; None if it is not passed where the layer is made."""
    module = node.known_call.module
    built = built_of(module)
    call = call_at(built.chain[0]) if built is not None else None
    if call is None:
        return None
    names = inspect.signature(type(module)).parameters
    passed = dict(zip(names, call.args, strict=False)) | {word.arg: word.value for word in call.keywords if word.arg}
    return passed.get(parameter)
