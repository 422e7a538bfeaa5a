"""A trace with what one needs to tell people where in it something is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from torch import fx

from ..shared.records.places import Span
from ..worker.tracer.trace import Trace
from .module_call import ModuleCall, users_call
from .source_places import Point, Project


@dataclass(frozen=True, eq=False)
class Seen:
    """A trace of the model that the source `label` builds, in a project."""

    trace: Trace
    label: str
    project: Project

    def owner(self, node: fx.Node) -> ModuleCall:
        """The call of the user's own module that a node belongs to."""
        return users_call(node.meta["call"], self.project)

    def caller_at(self, call: ModuleCall, point: Point) -> ModuleCall:
        """The call, this or one around it, whose forward an expression stands in."""
        own = (each for each in call.with_callers() if _code_of(each) is point.code)
        return next(own, users_call(call, self.project))

    def place(self, span: Span, owner: ModuleCall) -> dict[str, Any]:
        """The fields that say where an observation was made."""
        return {
            "span": span,
            "module": type(owner.module).__name__,
            "module_path": owner.path,
            "target": self.label,
        }


def _code_of(call: ModuleCall) -> Any:
    return getattr(type(call.module).forward, "__code__", None)


def name_of(node: fx.Node, owner: ModuleCall) -> str:
    """What made a tensor, for people: the layer's name or the function, and the line."""
    call: ModuleCall | None = node.meta["call"]
    point: Point | None = node.meta["point"]
    if node in owner.inputs or call is None or point is None:
        return "the block's input"
    name = call.relative_path(owner) if call.is_torchs else f"{function_name(node)}()"
    return f"{name}, line {point.span.start.line}"


def function_name(node: fx.Node) -> str:
    """The name of the function that a node calls, in place or not; empty for inputs and parameters."""
    return str(getattr(node.meta.get("function"), "__name__", "")).strip("_")


def words_in(name: str) -> frozenset[str]:
    """The words of an identifier: res and block in ResBlock, x and orig in x_orig."""
    return frozenset(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name))
