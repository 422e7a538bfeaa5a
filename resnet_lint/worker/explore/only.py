"""Restricts an exploration to one class or function of a file, with all findings in its construction and forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import CodeType

from torch import nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.module_call import ModuleCall

from ..load.classes import ModelClass
from ..load.load import Loaded
from .explore import Exploration
from .traced_model import Traced


@dataclass(frozen=True)
class Only:
    """The part of an exploration for one name; `modules` are the names of the classes in it."""

    name: str
    found: Exploration
    classes: Sequence[ModelClass]
    modules: frozenset[str]
    is_function: bool

    @property
    def is_empty_function(self) -> bool:
        """Whether a function was requested and no model that it returns was traced."""
        return self.is_function and not self.found.traced


def only(name: str, found: Exploration, classes: Sequence[ModelClass], loaded: Loaded) -> Only:
    """The traces of a class of the file, alone or in a model, or of the models that a function returns."""
    wanted = [model for model in classes if model.name == name]
    is_function = not wanted
    if wanted:
        parts = [_of_class(traced, wanted[0].type) for traced in found.traced]
    else:
        code = getattr(getattr(loaded.module, name, None), "__code__", None)
        parts = [_Part(traced, _names(traced.trace.root)) for traced in found.traced if _is_made_by(traced, name, code)]
        roots = [part.traced.trace.root for part in parts if part is not None]
        wanted = [model for model in classes if any(_holds(root, model.type) for root in roots)]
    met = [part for part in parts if part is not None]
    names = {name, *(name for part in met for name in part.modules), *(failure.module for failure in found.failures)}
    names |= {form for model in wanted for form in (model.name, model.name.rpartition(".")[2])}
    return Only(name, replace(found, traced=[part.traced for part in met]), wanted, frozenset(names), is_function)


@dataclass(frozen=True)
class _Part:
    traced: Traced
    modules: frozenset[str]


def _of_class(traced: Traced, kind: type[nn.Module]) -> _Part | None:
    root = traced.trace.root
    if isinstance(root, kind):
        return _Part(traced, _names(root))
    held = [module for module in nn.Module.modules(root) if isinstance(module, kind)]
    if not held:
        return None
    faults = tuple(fault for fault in traced.faults if _is_inside(fault.call, kind))
    return _Part(replace(traced, faults=faults), frozenset(name for module in held for name in _names(module)))


def _is_inside(call: ModuleCall, kind: type[nn.Module]) -> bool:
    return any(isinstance(around.module, kind) for around in call.with_callers())


def _names(root: nn.Module) -> frozenset[str]:
    return frozenset(type(module).__name__ for module in nn.Module.modules(root))


def _holds(root: nn.Module, kind: type[nn.Module]) -> bool:
    return any(isinstance(module, kind) for module in nn.Module.modules(root))


def _is_made_by(traced: Traced, function: str, code: CodeType | None) -> bool:
    built = built_of(traced.trace.root)
    return traced.label.startswith(f"{function}(") or (
        built is not None and code is not None and any(point.code is code for point in built.chain)
    )
