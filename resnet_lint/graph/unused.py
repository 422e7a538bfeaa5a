"""Finds modules and parameters that are created and never used.

The absence of a gradient in the traced models is not sufficient, because a flag may enable a module. In addition, no
line outside of constructors may mention its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING

from ..shared import vocabulary
from ..shared.records.fix_plans import FixPlan
from ..shared.records.places import Span
from ..shared.vocabulary import words_in
from .built_at import built_of
from .fix_plans import shortcut_to_use
from .model import Model, with_new_classes
from .module_call import ModuleCall, module_classes
from .source_places import Project, span_of
from .syntax import function_of, tree_of
from .where import Where

if TYPE_CHECKING:
    from torch import nn

Untrained = Sequence[tuple[Model, frozenset[str]]]


@dataclass(frozen=True, eq=False)
class Unused:
    """A module or parameter that is never called or read, has no gradient, and is mentioned in constructors only."""

    where: Where
    attribute: str
    is_shortcut: bool = False
    fix_plan: FixPlan | None = None


_SHORTCUT = {*vocabulary.MODULES, *vocabulary.SAVED, *vocabulary.RESIDUALS}
# Functions that access modules without their names.
_TREE = frozenset({"children", "named_children", "modules", "named_modules", "_modules", "get_submodule"})


def unused_in(models: Sequence[Model]) -> Iterator[Unused]:
    """The modules and parameters that no model of a file uses; modules only if all training steps were in time."""
    yield from _never_read(models)
    steps = [(model, step) for model in with_new_classes(models) if (step := model.training_step) is not None]
    if all(step.in_time for _, step in steps):
        yield from _never_used([(model, step.without_gradient) for model, step in steps])


def _never_used(untrained: Untrained) -> Iterator[Unused]:
    """Children of the user's modules that no instance of their class uses in any model."""
    used = {key for model, without in untrained for key in _children(model, without, used=True)}
    for model, without in untrained:
        for key, (call, child) in _children(model, without, used=False).items():
            built = built_of(child)
            if key not in used and built is not None and _is_forgotten(key, model):
                used.add(key)
                shortcut = bool(words_in(key[1]) & _SHORTCUT)
                fix_plan = _use_as_shortcut(key[1], call, model) if shortcut else None
                yield Unused(model.where(built.point.span, call), key[1], shortcut, fix_plan)


def _use_as_shortcut(name: str, owner: ModuleCall, model: Model) -> FixPlan | None:
    """The plan to pass the identity shortcut of the block's addition through the module; None if there is none."""
    for residual in model.residuals:
        plain = residual.shortcut in owner.inputs and residual.addition.point is not None
        if plain and model.block_of(residual.addition) is owner:
            return replace(shortcut_to_use(name, residual), changes_results=True)
    return None


def _never_read(models: Sequence[Model]) -> Iterator[Unused]:
    """Direct parameters of the user's modules that no model reads in its forward pass."""
    reported = {key for model in models for key in _parameters(model, read=True)}
    for model in models:
        for key, call in _parameters(model, read=False).items():
            made = _where_made(key) if key not in reported and _is_forgotten(key, model) else None
            if made is not None:
                reported.add(key)
                yield Unused(model.where(made, call), key[1])


def _is_forgotten(key: Key, model: Model) -> bool:
    """Whether no code outside of constructors can access an attribute of a class."""
    kind, name = key
    related = frozenset(base.__name__ for base in kind.__mro__)
    mentioned = any(name in _mentioned_in(tree_of(path), related) for path in _files_of(model))
    return not mentioned and _is_the_users_alone(kind, model.project) and not _walks_its_tree(kind)


Key = tuple[type, str]


def _children(model: Model, without: frozenset[str], used: bool) -> dict[Key, tuple[ModuleCall, nn.Module]]:
    """The children of the user's modules that ran: the used or the unused ones.

    A child is used if it was called, or if one of its parameters has a gradient.
    """
    called = {id(call.module) for call in model.calls}
    found = {}
    for call in model.users_calls:
        for name, child in call.module.named_children():
            path = f"{call.path}.{name}." if call.path else f"{name}."
            parameters = [path + own for own, parameter in child.named_parameters() if parameter.requires_grad]
            runs = any(id(module) in called for _, module in child.named_modules())
            if parameters and used == (runs or not without.issuperset(parameters)):
                found[type(call.module), name] = call, child
    return found


def _parameters(model: Model, read: bool) -> dict[Key, ModuleCall]:
    """The direct parameters of the user's modules that ran: the ones that were read, or not read."""
    names = dict(model.root.named_parameters(remove_duplicate=False))
    fetched = (names.get(node.target) for node in model.nodes if node.kind == "stored")
    reached = {id(parameter) for parameter in fetched if parameter is not None}
    found = {}
    for call in model.users_calls:
        for name, parameter in call.module.named_parameters(recurse=False):
            if parameter.requires_grad and read == (id(parameter) in reached):
                found[type(call.module), name] = call
    return found


def _where_made(key: Key) -> Span | None:
    """The expression that a constructor of a class assigns to a parameter: `nn.Parameter(...)`."""
    kind, name = key
    for base in kind.__mro__:
        code = getattr(vars(base).get("__init__"), "__code__", None)
        function = function_of(code) if code is not None else None
        for node in ast.walk(function) if function is not None else ():
            match node:
                case ast.Assign([ast.Attribute(ast.Name("self"), attribute)], ast.Call() as value) if attribute == name:
                    return span_of(code.co_filename, value) if code is not None else None
    return None


def _is_the_users_alone(kind: type, project: Project) -> bool:
    """Whether all base classes are the user's or nn.Module; a base class of another package might use the attribute."""
    constructors = (getattr(base, "__init__") for base in module_classes(kind))  # noqa: B009
    codes = [getattr(constructor, "__code__", None) for constructor in constructors]
    return all(code is not None and project.owns(code) for code in codes)


def _files_of(model: Model) -> frozenset[str]:
    """The user's files with classes that ran in a trace."""
    kinds = {base for call in model.calls for base in module_classes(type(call.module))}
    codes = (getattr(getattr(kind, "forward", None), "__code__", None) for kind in kinds)
    return frozenset(code.co_filename for code in codes if code is not None and model.project.owns(code))


@cache
def _mentioned_in(tree: ast.Module, related: frozenset[str]) -> frozenset[str]:
    """The attributes that a file reads outside of constructors, and all its short texts, for `getattr` and the like.

    `self.norm` in a class that is not related to that of the attribute is another one of the same name.
    """
    family = _family(tree, related)
    return frozenset(_mentions(tree, is_owner=True, family=family))


def _mentions(node: ast.AST, is_owner: bool, family: frozenset[str]) -> Iterator[str]:
    """The attributes and texts below a node; those of `self` only where `self` may be the owner of the attribute."""
    if isinstance(node, ast.ClassDef):
        is_owner = node.name in family
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        if is_owner or not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.FunctionDef) and child.name == "__init__"):
            yield from _mentions(child, is_owner, family)


def _family(tree: ast.Module, related: frozenset[str]) -> frozenset[str]:
    """Some classes of a file and all that extend them, by name."""
    family = set(related - {"object", "Module"})
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in classes:
        family |= {kind.name for kind in classes if family & {ast.unparse(base).split(".")[-1] for base in kind.bases}}
    return frozenset(family)


def _walks_its_tree(kind: type) -> bool:
    """Whether a method of a class iterates over its submodules."""
    codes = (getattr(value, "__code__", None) for base in kind.__mro__[:-2] for value in vars(base).values())
    return any(not _TREE.isdisjoint(code.co_names) or _asks_by_name(code) for code in codes if code is not None)


def _asks_by_name(code: CodeType) -> bool:
    """Whether a method calls `getattr(self, name)` with a name that is known at run time only."""
    function = function_of(code) if "getattr" in code.co_names else None
    for node in ast.walk(function) if function is not None else ():
        match node:
            case ast.Call(ast.Name("getattr"), [ast.Name("self"), ast.Constant(), *_]):
                continue
            case ast.Call(ast.Name("getattr"), [ast.Name("self"), *_]):
                return True
    return False
