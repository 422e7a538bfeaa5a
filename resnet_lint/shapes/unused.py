"""Finds modules that are built and never used.

That no gradient reaches a module in the models tried is no proof: a flag may lead to it. So the source has a say too:
no line outside of constructors may mention its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from types import CodeType

from torch import nn

from ..observed import NeverUsed
from .built import built_of
from .calls import ModuleCall
from .seen import Seen, words_in
from .syntax import function_of, tree_of

Untrained = Sequence[tuple[Seen, frozenset[str]]]

_SHORTCUTS = frozenset({"shortcut", "skip", "downsample", "identity", "residual", "res", "proj", "projection"})
# What reaches modules without naming them.
_TREE = frozenset({"children", "named_children", "modules", "named_modules", "_modules", "get_submodule"})


def never_used(untrained: Untrained) -> Iterator[NeverUsed]:
    """Children of the user's modules that no instance of their class used in any of the models."""
    used = {key for seen, without in untrained for key in _children(seen, without, used=True)}
    mentions: dict[str, frozenset[str]] = {}
    for seen, without in untrained:
        for key, (call, child) in _children(seen, without, used=False).items():
            built = built_of(child)
            if key in used or built is None or not _is_the_users_alone(type(call.module), seen):
                continue
            used.add(key)
            files = _files_of(seen)
            for path in files - mentions.keys():
                mentions[path] = _mentioned_in(path)
            name = key[1]
            if not any(name in mentions[path] for path in files) and not _walks_its_tree(type(call.module)):
                place = seen.place(built.point.span, call)
                yield NeverUsed(**place, attribute=name, is_shortcut=bool(words_in(name) & _SHORTCUTS))


Key = tuple[type, str]


def _children(seen: Seen, without: frozenset[str], used: bool) -> dict[Key, tuple[ModuleCall, nn.Module]]:
    """The children of the user's modules that ran: those that were used, or those that were not.

    Used is a child that was called, or one of whose parameters got a gradient.
    """
    called = {id(call.module) for call in seen.trace.calls}
    found = {}
    for call in seen.trace.calls:
        if not seen.project.owns(getattr(type(call.module).forward, "__code__", _NONE)):
            continue
        for name, child in call.module.named_children():
            path = f"{call.path}.{name}." if call.path else f"{name}."
            parameters = [path + own for own, each in child.named_parameters() if each.requires_grad]
            runs = any(id(module) in called for module in child.modules())
            if parameters and used == (runs or not without.issuperset(parameters)):
                found[type(call.module), name] = call, child
    return found


_NONE = compile("", "<none>", "exec")


def _is_the_users_alone(model: type[nn.Module], seen: Seen) -> bool:
    """Whether no class of another package stands between a class and nn.Module: it might use what it is given."""
    between = [base for base in model.__mro__ if issubclass(base, nn.Module) and base is not nn.Module]
    return all(seen.project.owns(getattr(base.__init__, "__code__", _NONE)) for base in between)


def _files_of(seen: Seen) -> frozenset[str]:
    """The user's files whose classes ran in a trace."""
    codes = (
        getattr(value, "__code__", None)
        for call in seen.trace.calls
        for base in type(call.module).__mro__
        if issubclass(base, nn.Module)
        for value in (base.forward,)
    )
    return frozenset(code.co_filename for code in codes if code is not None and seen.project.owns(code))


def _mentioned_in(path: str) -> frozenset[str]:
    """The attributes that a file reads outside of constructors, and all its short texts, for `getattr` and the like."""
    found: set[str] = set()
    for node in _outside_constructors(tree_of(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return frozenset(found)


def _outside_constructors(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.FunctionDef) and child.name == "__init__"):
            yield from _outside_constructors(child)


def _walks_its_tree(model: type[nn.Module]) -> bool:
    """Whether a method of a class looks through the modules of its own."""
    codes = (getattr(value, "__code__", None) for base in model.__mro__[:-2] for value in vars(base).values())
    return any(not _TREE.isdisjoint(code.co_names) or _asks_by_name(code) for code in codes if code is not None)


def _asks_by_name(code: CodeType) -> bool:
    """Whether a method has `getattr(self, name)` with a name that only a run would tell."""
    function = function_of(code) if "getattr" in code.co_names else None
    for node in ast.walk(function) if function is not None else ():
        match node:
            case ast.Call(ast.Name("getattr"), [ast.Name("self"), ast.Constant(), *_]):
                continue
            case ast.Call(ast.Name("getattr"), [ast.Name("self"), *_]):
                return True
    return False
