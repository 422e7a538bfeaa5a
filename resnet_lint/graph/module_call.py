"""One call of a module inside a traced forward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import fx, nn

from .source_places import Point, Project


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
    inputs: tuple[fx.Node, ...] = ()

    @property
    def is_torchs(self) -> bool:
        """Whether the module is one of torch's own layers or containers."""
        return type(self.module).__module__.startswith("torch.")

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


def users_call(call: ModuleCall, project: Project) -> ModuleCall:
    """The innermost call of a module that the user wrote, at or above `call`."""
    found = call
    while found.parent is not None and not project.owns(getattr(type(found.module).forward, "__code__", _NO_CODE)):
        found = found.parent
    return found


_NO_CODE = compile("", "<none>", "exec")
