"""Finds modules and parameters that are made and never used.

That no gradient reaches one in the models tried is no proof: a flag may lead to it. So the source has a say too: no
line outside of constructors may mention its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from types import CodeType

from torch import nn

from ..shared.observed import NeverUsed
from ..shared.records.fix_plans import FixPlan
from ..shared.records.places import Span
from ..worker.fix_plans.shortcut import shortcut_to_use
from .built_at import built_of
from .model import Seen, words_in
from .module_call import ModuleCall
from .residuals import residuals_in
from .source_places import span_of
from .syntax import function_of, tree_of

Untrained = Sequence[tuple[Seen, frozenset[str]]]

_SHORTCUTS = frozenset({"shortcut", "skip", "downsample", "identity", "residual", "res", "proj", "projection"})
# What reaches modules without naming them.
_TREE = frozenset({"children", "named_children", "modules", "named_modules", "_modules", "get_submodule"})


def never_used(untrained: Untrained) -> Iterator[NeverUsed]:
    """Children of the user's modules that no instance of their class used in any of the models."""
    used = {key for seen, without in untrained for key in _children(seen, without, used=True)}
    for seen, without in untrained:
        for key, (call, child) in _children(seen, without, used=False).items():
            built = built_of(child)
            if key not in used and built is not None and _is_forgotten(key, seen):
                used.add(key)
                shortcut = bool(words_in(key[1]) & _SHORTCUTS)
                fix_plan = _use_as_shortcut(key[1], call, seen) if shortcut else None
                place = seen.place(built.point.span, call)
                yield NeverUsed(**place, attribute=key[1], is_shortcut=shortcut, fix_plan=fix_plan)


def _use_as_shortcut(name: str, owner: ModuleCall, seen: Seen) -> FixPlan | None:
    """The block's own addition of its plain input, with the input sent through the module; None where it has none."""
    for residual in residuals_in(seen.trace.graph):
        plain = residual.shortcut in owner.inputs and residual.addition.meta["point"] is not None
        if plain and seen.owner(residual.addition) is owner:
            return replace(shortcut_to_use(name, residual), changes_results=True)
    return None


def never_read(traces: Sequence[Seen]) -> Iterator[NeverUsed]:
    """Parameters of the user's modules' own that no forward of any of the models read."""
    told = {key for seen in traces for key in _parameters(seen, read=True)}
    for seen in traces:
        for key, call in _parameters(seen, read=False).items():
            made = _where_made(key) if key not in told and _is_forgotten(key, seen) else None
            if made is not None:
                told.add(key)
                yield NeverUsed(**seen.place(made, call), attribute=key[1], is_shortcut=False)


def _is_forgotten(key: Key, seen: Seen) -> bool:
    """Whether nothing in the source can reach an attribute of a class, but the constructors."""
    model, name = key
    mentioned = any(name in _mentioned_in(path) for path in _files_of(seen))
    return not mentioned and _is_the_users_alone(model, seen) and not _walks_its_tree(model)


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


def _parameters(seen: Seen, read: bool) -> dict[Key, ModuleCall]:
    """The parameters that the user's modules that ran have themselves: those that were read, or those that were not."""
    names = dict(seen.trace.root.named_parameters(remove_duplicate=False))
    fetched = (names.get(str(node.target)) for node in seen.trace.graph.nodes if node.op == "get_attr")
    reached = {id(parameter) for parameter in fetched if parameter is not None}
    found = {}
    for call in seen.trace.calls:
        if seen.project.owns(getattr(type(call.module).forward, "__code__", _NONE)):
            for name, parameter in call.module.named_parameters(recurse=False):
                if parameter.requires_grad and read == (id(parameter) in reached):
                    found[type(call.module), name] = call
    return found


def _where_made(key: Key) -> Span | None:
    """The value that a constructor of a class gives a parameter: `nn.Parameter(...)`."""
    model, name = key
    for base in model.__mro__:
        code = getattr(vars(base).get("__init__"), "__code__", None)
        function = function_of(code) if code is not None else None
        for node in ast.walk(function) if function is not None else ():
            match node:
                case ast.Assign([ast.Attribute(ast.Name("self"), attribute)], ast.Call() as value) if attribute == name:
                    return span_of(code.co_filename, value) if code is not None else None
    return None


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


@cache
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
