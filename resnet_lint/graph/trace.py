"""A recorded forward pass: its calls, its faults, and why it ended early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..shared.records.places import Shape
from .fault import Fault
from .in_place import Change, LateRead
from .module_call import ModuleCall
from .node import Node
from .source_places import Point, Project

if TYPE_CHECKING:
    import torch
    from torch import nn


class Watch(Protocol):
    """The in-place modifications in a trace; `late_reads` are the reads under an earlier name."""

    @property
    def late_reads(self) -> Sequence[LateRead]: ...

    @property
    def saw_changes(self) -> bool: ...

    @property
    def refused(self) -> Change | None: ...

    def first_change(self, tensor: torch.Tensor, version: int) -> Change | None: ...


@dataclass(frozen=True)
class Stop:
    """Why a forward pass ended early, other than by a confirmed fault: the error, its location, and its text."""

    error: BaseException
    point: Point | None
    text: str

    @property
    def reason(self) -> str:
        where = f"line {self.point.span.start.line}: " if self.point is not None else ""
        return f"{where}{self.text}"


Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]
"""The positional and keyword arguments of a call."""


@dataclass(frozen=True, eq=False)
class Trace:
    """A recorded forward pass `root(*args, **kwargs)`.

    `preferred_branch`: whether it continued with the shape of the residual branch after a failing addition. `calls` are
    the completed module calls, `fatal` is the fault that ended it, `watch` has the in-place modifications.
    `is_real`: the model ran on real tensors; it may read values, and reject other inputs of the same shapes.
    `arguments` are those of the first call of a user's module, unless they are real tensors. `last_round` describes
    the last round of a loop of the script, if that made the call.
    """

    root: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    nodes: tuple[Node, ...]
    calls: tuple[ModuleCall, ...]
    faults: tuple[Fault, ...]
    fatal: Fault | None
    stop: Stop | None
    output: Any
    preferred_branch: bool
    results: Mapping[ModuleCall, tuple[Node, ...]]
    arguments: Mapping[nn.Module, Arguments]
    watch: Watch
    project: Project
    is_real: bool
    output_shapes: tuple[Shape, ...]
    last_round: str | None = None

    @property
    def complete(self) -> bool:
        return self.fatal is None and self.stop is None

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        return (*self.faults, self.fatal) if self.fatal is not None else self.faults

    @property
    def sizes(self) -> set[int]:
        """The sizes of all axes of all tensors."""
        return {size for node in self.nodes for size in node.shape or ()}

    @property
    def signature(self) -> str:
        """The shapes of the inputs and outputs as text."""
        inputs = [node.shape for node in self.nodes if node.kind == "input"]
        return f"{inputs} -> {list(self.output_shapes)}"

    @property
    def trouble(self) -> tuple[int, int]:
        """A key for comparing traces of a model, lower is better: whether it ended early, and the number of faults."""
        return (0 if self.complete else 1, len(self.all_faults))
