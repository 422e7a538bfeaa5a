"""One call of a module inside a traced forward."""

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
    """One call of a module: where the module sits in the model, who called it, from where, and with which tensors.

    `inputs` are the graph's nodes of these tensors as they entered.
    """

    module: nn.Module
    path: str
    parent: ModuleCall | None
    caller: Point | None
    passed: frozenset[int]
    inputs: tuple[Node, ...] = ()

    @property
    def is_torchs(self) -> bool:
        """Whether the module is one of torch's own layers or containers."""
        return type(self.module).__module__.startswith("torch.")

    @property
    def code(self) -> CodeType | None:
        """The code of the module's forward; None for one that is not written in Python."""
        code: CodeType | None = getattr(type(self.module).forward, "__code__", None)
        return code

    @property
    def known_code(self) -> CodeType:
        """The code of a forward that is known to be written in Python."""
        assert self.code is not None
        return self.code

    @property
    def known_caller(self) -> Point:
        """The expression that made the call, of one that is known to have been made by the user's code."""
        assert self.caller is not None
        return self.caller

    def made(self, node: Node) -> bool:
        """Whether a layer with weights, called inside this call, is on the path from its input to a node."""
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
        """This call and those around it, the innermost first."""
        call: ModuleCall | None = self
        while call is not None:
            yield call
            call = call.parent

    def relative_path(self, ancestor: ModuleCall | None) -> str:
        """The path below an enclosing call: `conv1` for `layer2.0.conv1` inside `layer2.0`."""
        prefix = f"{ancestor.path}." if ancestor is not None and ancestor.path else ""
        return self.path.removeprefix(prefix) or type(self.module).__name__


def is_a(module: nn.Module, *names: str) -> bool:
    """Whether a class of torch with one of these names is among the classes of a module."""
    return any(base.__name__ in names and base.__module__.startswith("torch.") for base in type(module).__mro__)


def is_module(value: object) -> bool:
    """Whether a value is a module of torch."""
    return any(base.__module__ == "torch.nn.modules.module" for base in type(value).__mro__)


def module_classes(model: type) -> list[type]:
    """The class of a module and those that it extends, without torch's nn.Module and what is no module."""
    root = next(base for base in model.__mro__ if base.__module__ == "torch.nn.modules.module")
    return [base for base in model.__mro__ if base is not root and issubclass(base, root)]


def users_call(call: ModuleCall, project: Project) -> ModuleCall:
    """The innermost call of a module that the user wrote, at or above `call`."""
    found = call
    while found.parent is not None and not (found.code is not None and project.owns(found.code)):
        found = found.parent
    return found
