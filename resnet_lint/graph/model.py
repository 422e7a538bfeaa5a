"""A model that was traced, as rules see it: its calls, its additions, its skip connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from ..shared.records.places import Shape, Span
from .additions import Addition, operands_of
from .axes import Axes, InputAxis, batch_of
from .in_place import Change, LateRead
from .module_call import ModuleCall, users_call
from .node import Node
from .residuals import Residual, residuals_in
from .source_places import Point, Project
from .where import Where

if TYPE_CHECKING:
    from torch import nn

    from ..worker.tracer.trace import Trace


@dataclass(frozen=True, eq=False)
class OtherBatch:
    """A second trace of a model, with a batch of `batch` in place of `first`."""

    model: Model
    first: int
    batch: int


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """What one step of training shows. `without_gradient` names the parameters that no gradient reached.

    Where autograd refuses the step, `error` is what it says, and `change` the change in place that is to blame.
    `in_time` is False where the time was over before the step was.
    """

    error: str | None = None
    change: Change | None = None
    without_gradient: frozenset[str] = frozenset()
    in_time: bool = True


class Probes(Protocol):
    """What needs more runs of a model, for when a rule asks for it."""

    def at_other_batch(self, model: Model) -> OtherBatch | None:
        """A trace with another batch size; None where the inputs have no batch in common, or the time is over."""

    def training_step(self, model: Model) -> TrainingStep | None:
        """A step of training; None where a step can show nothing."""

    def axes(self, model: Model) -> Axes | None:
        """The axes of all tensors; None where the model cannot be traced at other sizes, or the time is over."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trace of the model that the source `label` builds, in a project."""

    trace: Trace
    label: str
    project: Project
    probes: Probes | None = None

    @property
    def root(self) -> nn.Module:
        """The module itself, with its tensors on the meta device."""
        return self.trace.root

    @property
    def nodes(self) -> Sequence[Node]:
        """All calls of torch's functions, in the order of the forward."""
        return self.trace.nodes

    @property
    def calls(self) -> Sequence[ModuleCall]:
        """The calls of modules, in the order in which they ended."""
        return self.trace.calls

    @property
    def results(self) -> Mapping[ModuleCall, Sequence[Node]]:
        """What each call of a module gave."""
        return self.trace.results

    @property
    def late_reads(self) -> Sequence[LateRead]:
        """The reads of a tensor under a name from before it was changed in place."""
        return self.trace.watch.late_reads

    @cached_property
    def additions(self) -> tuple[Addition, ...]:
        """The additions of two activations in the user's code."""
        return tuple(self._additions())

    @cached_property
    def residuals(self) -> tuple[Residual, ...]:
        """The skip connections whose two ways start at a common fork."""
        return tuple(residuals_in(self.nodes))

    @cached_property
    def users_calls(self) -> tuple[ModuleCall, ...]:
        """The calls of modules whose forward the user wrote."""
        return tuple(call for call in self.calls if (code := call.code) is not None and self.project.owns(code))

    @cached_property
    def other_batch(self) -> OtherBatch | None:
        """The model with another batch size, as `Probes.at_other_batch` says."""
        return self.probes.at_other_batch(self) if self.probes is not None else None

    @cached_property
    def training_step(self) -> TrainingStep | None:
        """A step of training, as `Probes.training_step` says."""
        return self.probes.training_step(self) if self.probes is not None else None

    @cached_property
    def axes(self) -> Axes | None:
        """Which axis of a tensor is which of the inputs, as `Probes.axes` says."""
        return self.probes.axes(self) if self.probes is not None else None

    @cached_property
    def batch_axis(self) -> InputAxis | None:
        """The axis of the samples; None where the axes are not known, or it is not certain."""
        return batch_of(self.axes, self.calls, self.nodes) if self.axes is not None else None

    def adds_input_of(self, call: ModuleCall) -> bool:
        """Whether a skip connection that closes inside a call starts at its input."""
        added = (residual.addition for residual in self.residuals if residual.fork in call.inputs)
        return any(call in addition.known_call.with_callers() for addition in added)

    def is_added_to_its_input(self, call: ModuleCall) -> bool:
        """Whether a skip connection, of a caller too, starts at the input of a call: `x + self.body(x)`."""
        return any(residual.fork in call.inputs for residual in self.residuals)

    def block_of(self, node: Node) -> ModuleCall:
        """The call of the user's own module that a node belongs to."""
        return users_call(node.known_call, self.project)

    def caller_at(self, call: ModuleCall, point: Point) -> ModuleCall:
        """The call, this or one around it, whose forward an expression is in."""
        own = (around for around in call.with_callers() if around.code is point.code)
        return next(own, users_call(call, self.project))

    def where(self, span: Span, call: ModuleCall) -> Where:
        """An expression inside a call of this model."""
        return Where(span, call, self.label)

    def where_of(self, node: Node) -> Where:
        """The expression of a node, in the block that it belongs to."""
        return self.where(node.known_point.span, self.block_of(node))

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        return tuple(node.known_shape for node in self.nodes if node.kind == "input")

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        return self.trace.output_shapes

    def _additions(self) -> Iterator[Addition]:
        for node in self.nodes:
            operands = operands_of(node) if node.kind == "addition" and node.point is not None else None
            if operands is not None:
                yield Addition(node, *operands, self.block_of(node), self.where_of(node))


def with_new_classes(models: Sequence[Model]) -> Iterator[Model]:
    """The models that call a class of module that none before them did: enough for what costs time.

    Left out are those with faults, and those that run on real tensors, which would refuse others.
    """
    known: set[type[Any]] = set()
    for model in models:
        classes = {type(call.module) for call in model.calls if not call.is_torchs}
        if not classes <= known and not model.trace.faults and not model.trace.is_real:
            known |= classes
            yield model


def name_of(node: Node, owner: ModuleCall) -> str:
    """The readable source of a tensor: the name of the layer or function, and the line."""
    call, point = node.call, node.point
    if node in owner.inputs or call is None or point is None:
        return "the block's input"
    name = call.relative_path(owner) if call.is_torchs else f"{node.function}()"
    return f"{name}, line {point.span.start.line}"
