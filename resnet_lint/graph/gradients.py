"""Whether a file trains models, or turns gradients off, by the names in it."""

from __future__ import annotations

import ast
from functools import cache

from .syntax import tree_of

_OFF = frozenset({"no_grad", "inference_mode", "set_grad_enabled", "requires_grad", "requires_grad_"})


def trains(path: str) -> bool:
    """Whether a file calls `backward()`."""
    return "backward" in _names_in(tree_of(path))


def turns_gradients_off(path: str) -> bool:
    """Whether a file names `no_grad`, `x.requires_grad` or the like, for whatever tensor."""
    return not _OFF.isdisjoint(_names_in(tree_of(path)))


@cache
def _names_in(tree: ast.Module) -> frozenset[str]:
    names = (name for node in ast.walk(tree) for name in _names_of(node))
    return frozenset(names)


def _names_of(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Attribute(_, name) | ast.Name(name):
            return (name,)
        case ast.ImportFrom():
            return tuple(alias.name for alias in node.names)
    return ()
