"""The functions and methods of a file that its script calls, and which of them train or evaluate a model."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import Any

from torch import nn

from ..load.definitions import DEFINITIONS, names_bound
from ..load.load import Loaded
from .statement_kinds import can_be_played, gathers, names_called, trains


@dataclass(frozen=True)
class Callee:
    """A function of the file with its definition, and a call of it in which `self` is the first argument."""

    definition: ast.FunctionDef
    function: FunctionType
    call: ast.Call


class Callees:
    """Finds what calls refer to: functions at module level, and methods of the file's own classes, but for models.

    The methods of a model are traced instead.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._module = loaded.module.__name__
        self._methods = {
            f"{owner.name}.{part.name}": part
            for owner in loaded.tree.body
            if isinstance(owner, ast.ClassDef)
            for part in owner.body
            if isinstance(part, ast.FunctionDef)
        }
        self._values = frozenset[str]().union(
            *(names_bound(part) for part in loaded.tree.body if not isinstance(part, DEFINITIONS))
        )
        self.functions = {part.name: part for part in loaded.tree.body if isinstance(part, ast.FunctionDef)}

    @cached_property
    def training(self) -> frozenset[str]:
        """The names of the functions and methods that train or evaluate a model, also by calling another of them."""
        definitions = [*self.functions.values(), *self._methods.values()]
        calls = [(definition.name, _called_in(definition)) for definition in definitions]
        found = {definition.name for definition in definitions if trains(definition) or self._evaluates(definition)}
        while True:
            more = {name for name, called in calls if not found.isdisjoint(called)}
            if more <= found:
                return frozenset(found)
            found |= more

    def trains(self, code: ast.AST) -> bool:
        """Whether some code trains or evaluates a model, or calls what does."""
        return trains(code) or not self.training.isdisjoint(_called_in(code))

    def _evaluates(self, function: ast.FunctionDef) -> bool:
        """Whether a function collects the results of calling an argument or a global, which may be a model."""
        values = self._values.union(argument.arg for argument in function.args.args)
        loops = [part for part in ast.walk(function) if isinstance(part, ast.For) and gathers(part)]
        return any(not values.isdisjoint(names_called(loop)) for loop in loops)

    def of(self, call: ast.Call, namespace: Mapping[str, Any]) -> Callee | None:
        """What a call refers to; None if it cannot be executed statement by statement."""
        match call.func:
            case ast.Name(name) if name in self.functions:
                function, definition, arguments = namespace.get(name), self.functions[name], call.args
            case ast.Attribute(ast.Name(owner), name) if name in self.training and self.is_own(namespace.get(owner)):
                function = inspect.getattr_static(type(namespace[owner]), name, None)
                found = self._methods.get(getattr(function, "__qualname__", ""))
                if found is None or _has_private_names(found):
                    return None
                definition, arguments = found, [call.func.value, *call.args]
            case _:
                return None
        if not isinstance(function, FunctionType) or not can_be_played(function, definition):
            return None
        return Callee(definition, function, ast.copy_location(ast.Call(call.func, arguments, call.keywords), call))

    def is_own(self, value: Any) -> bool:
        """Whether a value is an object of the file that is no model, such as a trainer."""
        return type(value).__module__ == self._module and not isinstance(value, (nn.Module, type))


def _called_in(code: ast.AST) -> set[str]:
    """The names of the functions and methods that some code calls."""
    called = [part.func for part in ast.walk(code) if isinstance(part, ast.Call)]
    names = {part.id for part in called if isinstance(part, ast.Name)}
    return names | {part.attr for part in called if isinstance(part, ast.Attribute)}


def _has_private_names(code: ast.AST) -> bool:
    """Whether Python puts the name of the class before a name in some code: `self.__model`."""
    names = [part.attr for part in ast.walk(code) if isinstance(part, ast.Attribute)]
    return any(re.match(r"__.*(?<!__)$", name) for name in names)
