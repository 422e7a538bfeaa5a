"""Finds the nn.Module classes that a loaded file defines."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType

from torch import nn

from .load import Loaded

NO_FORWARD = "no forward() method"


@dataclass(frozen=True)
class ModelClass:
    """A class of the file; `skipped` is the reason why it is not checked, None if it is."""

    name: str
    line: int
    type: type[nn.Module]
    skipped: str | None


def model_classes(loaded: Loaded) -> list[ModelClass]:
    """The module classes in source order; nested ones are named Outer.Inner."""
    return [
        ModelClass(name, node.lineno, value, _why_skipped(value))
        for name, node in class_nodes(loaded.tree.body)
        if (value := _resolve(loaded, name)) is not None
    ]


def class_nodes(body: list[ast.stmt], prefix: str = "") -> list[tuple[str, ast.ClassDef]]:
    """The class statements outside of functions; nested ones are named Outer.Inner."""
    found: dict[str, ast.ClassDef] = {}
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            found[prefix + statement.name] = statement
            found.update(class_nodes(statement.body, f"{prefix}{statement.name}."))
        elif isinstance(statement, (ast.If, ast.Try)):
            found.update(class_nodes([*statement.body, *statement.orelse], prefix))
    return list(found.items())


def _resolve(loaded: Loaded, name: str) -> type[nn.Module] | None:
    value: object = loaded.module
    for part in name.split("."):
        value = getattr(value, part, None)
    return value if isinstance(value, type) and issubclass(value, nn.Module) else None


def _why_skipped(model: type[nn.Module]) -> str | None:
    if inspect.isabstract(model):
        return "abstract class"
    if model.forward is nn.Module.forward:
        return NO_FORWARD
    if _raises_not_implemented(model):
        return "forward() raises NotImplementedError"
    return None


def misspelled_forward(model: ModelClass, classes: Sequence[ModelClass]) -> FunctionType | None:
    """The method with a name such as `foward` in a class without forward(), if no subclass defines forward() either."""
    family = [cls.type for cls in classes if issubclass(cls.type, model.type)]
    if any(kind.forward is not nn.Module.forward for kind in family):
        return None
    methods = [value for value in vars(model.type).values() if isinstance(value, FunctionType)]
    near = difflib.get_close_matches("forward", [method.__name__.lower() for method in methods], n=1, cutoff=0.85)
    return next((method for method in methods if method.__name__.lower() in near), None)


def _raises_not_implemented(model: type[nn.Module]) -> bool:
    code = getattr(model.forward, "__code__", None)
    return code is not None and set(code.co_names) == {"NotImplementedError"}
