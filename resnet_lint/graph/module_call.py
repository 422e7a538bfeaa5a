"""A module call in a traced forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING

from .source_places import Point, Project

if TYPE_CHECKING:
    from torch import nn

    from .node import Node


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """A module call: the path of the module in the model, the calling module call and its location, and the inputs.

    `inputs` are the nodes of the input tensors at the time of the call.
    """

    module: nn.Module
    path: str
    parent: ModuleCall | None
    caller: Point | None
    passed: frozenset[int]
    inputs: tuple[Node, ...] = ()

    @property
    def is_torchs(self) -> bool:
        """Whether the module is a layer or container of torch."""
        return type(self.module).__module__.startswith("torch.")

    @property
    def code(self) -> CodeType | None:
        """The code of the forward; None if it is not written in Python."""
        code: CodeType | None = getattr(type(self.module).forward, "__code__", None)
        return code

    @property
    def known_code(self) -> CodeType:
        """The code of the forward, which must be written in Python."""
        assert self.code is not None
        return self.code

    @property
    def known_caller(self) -> Point:
        """The location of the call, which must be in the user's code."""
        assert self.caller is not None
        return self.caller

    def made(self, node: Node) -> bool:
        """Whether a node is computed from the inputs by a layer with weights inside this call."""
        seen: set[Node] = set()
        waiting = [node]
        while waiting:
            current = waiting.pop()
            inside = current.call is not None and self in current.call.with_callers()
            if current in seen or current in self.inputs or not inside:
                continue
            seen.add(current)
            if current.learned:
                return True
            waiting.extend(current.sources)
        return False

    def with_callers(self) -> Iterator[ModuleCall]:
        """This call and the enclosing ones, innermost first."""
        call: ModuleCall | None = self
        while call is not None:
            yield call
            call = call.parent

    def relative_path(self, ancestor: ModuleCall | None) -> str:
        """The path below an enclosing call: `conv1` for `layer2.0.conv1` inside `layer2.0`."""
        prefix = f"{ancestor.path}." if ancestor is not None and ancestor.path else ""
        return self.path.removeprefix(prefix) or type(self.module).__name__


def is_a(module: nn.Module, *names: str) -> bool:
    """Whether a module is an instance of a torch class with one of these names."""
    return any(base.__name__ in names and base.__module__.startswith("torch.") for base in type(module).__mro__)


def is_module(value: object) -> bool:
    """Whether a value is an nn.Module."""
    return any(base.__module__ == "torch.nn.modules.module" for base in type(value).__mro__)


def module_classes(model: type) -> list[type]:
    """A module class and its base classes, except for nn.Module and classes that are not modules."""
    root = next(base for base in model.__mro__ if base.__module__ == "torch.nn.modules.module")
    return [base for base in model.__mro__ if base is not root and issubclass(base, root)]


def users_call(call: ModuleCall, project: Project) -> ModuleCall:
    """The innermost call of a user's module at or around `call`."""
    found = call
    while found.parent is not None and not (found.code is not None and project.owns(found.code)):
        found = found.parent
    return found
