"""A traced model: its calls, additions and skip connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from ..shared.records.places import Shape, Span
from .additions import Addition, operands_of
from .axes import Axes, InputAxis, batch_by_layers, batch_of
from .axis_origins import Origins, origins_of
from .in_place import Change, LateRead
from .module_call import ModuleCall, users_call
from .node import Node
from .residuals import Residual, residuals_in
from .samples import Samples
from .source_places import Point, Project
from .trace import Trace
from .where import Where

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class OtherBatch:
    """A second trace of a model, with batch size `batch` instead of `first`."""

    model: Model
    first: int
    batch: int


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """The result of a training step. `without_gradient` are the names of the parameters without a gradient.

    `error` is the error of autograd, if it fails, and `change` the in-place modification that caused it; `is_refused`
    is whether the modification itself raises it, since it is that of a trainable parameter. `in_time` is False if the
    time limit was reached first.
    """

    error: str | None = None
    change: Change | None = None
    without_gradient: frozenset[str] = frozenset()
    in_time: bool = True
    is_refused: bool = False


class Probes(Protocol):
    """Additional runs of a model, on the request of a rule."""

    def at_other_batch(self, model: Model) -> OtherBatch | None:
        """A trace with another batch size; None if the inputs have no common batch size, or time is up."""

    def training_step(self, model: Model) -> TrainingStep | None:
        """A training step; None if it cannot find anything."""

    def axes(self, model: Model) -> Axes | None:
        """The axes of all tensors; None if the model cannot be traced at other sizes, or time is up."""

    def axes_by_side(self, model: Model) -> Axes | None:
        """The same with the height and width of square images apart, also if the model fails for others."""

    def inner(self, model: Model) -> tuple[Model, ...]:
        """The parts of a model that run at other sizes, where the model itself does not, as models of their own."""

    def in_order(self, model: Model, call: ModuleCall, place: Point, order: Sequence[int]) -> Model | None:
        """A part of a model, alone and with the permutation at `place` in another order; None if it fails so."""

    def samples(self, model: Model) -> Samples | None:
        """The calls that mix the samples of a batch; None if they cannot be tracked, or time is up."""


@dataclass(eq=False)
class Model:
    """A traced model; `label` is the expression that constructs it. What rules ask of it is computed once.

    `sizes_stated` is False if the tool invented the sizes of its inputs; `is_part` is whether it is a part of another
    model, traced alone.
    """

    trace: Trace
    label: str
    probes: Probes | None = None
    sizes_stated: bool = True
    is_part: bool = False

    @property
    def root(self) -> nn.Module:
        """The module, with its tensors on the meta device."""
        return self.trace.root

    @property
    def project(self) -> Project:
        """The project whose files are the user's own."""
        return self.trace.project

    @property
    def nodes(self) -> Sequence[Node]:
        """All calls of torch functions, in execution order."""
        return self.trace.nodes

    @property
    def calls(self) -> Sequence[ModuleCall]:
        """The module calls, in the order in which they return."""
        return self.trace.calls

    @property
    def results(self) -> Mapping[ModuleCall, Sequence[Node]]:
        """The results of each module call."""
        return self.trace.results

    @property
    def late_reads(self) -> Sequence[LateRead]:
        """The reads of a tensor under a name from before it was modified in place."""
        return self.trace.watch.late_reads

    @cached_property
    def additions(self) -> tuple[Addition, ...]:
        """The additions of two activations in the user's code."""
        return tuple(self._additions())

    @cached_property
    def residuals(self) -> tuple[Residual, ...]:
        """The skip connections whose branch and shortcut start at a common fork."""
        return tuple(residuals_in(self.nodes))

    @cached_property
    def users_calls(self) -> tuple[ModuleCall, ...]:
        """The calls of modules whose forward is defined in the project."""
        return tuple(call for call in self.calls if (code := call.code) is not None and self.project.owns(code))

    @cached_property
    def origins(self) -> Origins:
        """Where the axes of all tensors come from, by this trace alone."""
        return origins_of(self.nodes)

    @cached_property
    def other_batch(self) -> OtherBatch | None:
        """The model with another batch size; see `Probes.at_other_batch`."""
        return self.probes.at_other_batch(self) if self.probes is not None else None

    @cached_property
    def training_step(self) -> TrainingStep | None:
        """A training step; see `Probes.training_step`."""
        return self.probes.training_step(self) if self.probes is not None else None

    @cached_property
    def axes(self) -> Axes | None:
        """Which axis of a tensor is which of the inputs, as `Probes.axes` says."""
        return self.probes.axes(self) if self.probes is not None else None

    @cached_property
    def axes_by_side(self) -> Axes | None:
        """The axes with the height and width of square images apart, as `Probes.axes_by_side` says."""
        return self.probes.axes_by_side(self) if self.probes is not None else None

    @property
    def sides_are_free(self) -> bool:
        """Whether the model accepts images that are not square."""
        apart, known = self.axes_by_side, self.axes
        return apart is not None and known is not None and all(map(apart.is_free, {*apart.inputs} - {*known.inputs}))

    @cached_property
    def with_inner(self) -> tuple[Model, ...]:
        """The model, and what `Probes.inner` says."""
        return (self, *(self.probes.inner(self) if self.probes is not None else ()))

    @cached_property
    def samples(self) -> Samples | None:
        """Where samples of a batch meet, as `Probes.samples` says."""
        return self.probes.samples(self) if self.probes is not None else None

    @cached_property
    def batch_axis(self) -> InputAxis | None:
        """The batch axis, by default the first axis of all inputs; None if they have none in common."""
        return batch_of(self.axes, self.calls, self.nodes) if self.axes is not None else None

    @cached_property
    def sure_batch_axis(self) -> InputAxis | None:
        """The batch axis, if the layers determine it; else None."""
        return batch_by_layers(self.axes, self.calls, self.nodes) if self.axes is not None else None

    def in_order(self, call: ModuleCall, place: Point, order: Sequence[int]) -> Model | None:
        """A part of the model with a permutation in another order, as `Probes.in_order` says."""
        return self.probes.in_order(self, call, place, order) if self.probes is not None else None

    def adds_input_of(self, call: ModuleCall) -> bool:
        """Whether a skip connection inside a call starts at its input."""
        added = (residual.addition for residual in self.residuals if residual.fork in call.inputs)
        return any(call in addition.known_call.with_callers() for addition in added)

    def is_added_to_its_input(self, call: ModuleCall) -> bool:
        """Whether a skip connection, possibly of a caller, starts at the input of a call: `x + self.body(x)`."""
        return any(residual.fork in call.inputs for residual in self.residuals)

    def block_of(self, node: Node) -> ModuleCall:
        """The enclosing call of a user's module."""
        return users_call(node.known_call, self.project)

    def caller_at(self, call: ModuleCall, point: Point) -> ModuleCall:
        """The call whose forward contains an expression: `call`, or an enclosing one."""
        own = (around for around in call.with_callers() if around.code is point.code)
        return next(own, users_call(call, self.project))

    def where(self, span: Span, call: ModuleCall) -> Where:
        """The location of an expression inside a call of this model."""
        return Where(span, call, self.label)

    def where_of(self, node: Node) -> Where:
        """The location of a node, inside its block."""
        return self.where(node.known_point.span, self.block_of(node))

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        return tuple(node.known_shape for node in self.nodes if node.kind == "input")

    @property
    def sizes_tell_axes_apart(self) -> bool:
        """Whether the inputs have several sizes, and none of them three or more axes of one size.

        Others are made up, perhaps with the wrong rank: (4, 4, 4, 4), or (4, 4) for a prediction and for its target.
        """
        sizes = [size for shape in self.input_shapes for size in shape]
        is_uniform = len(sizes) > 2 and len(set(sizes)) == 1
        return not is_uniform and not any(len(shape) > 2 and len(set(shape)) == 1 for shape in self.input_shapes)

    @property
    def ranks_are_told(self) -> bool:
        """Whether the inputs are stated, or a layer takes them; without layers, a guess may have the wrong rank."""
        return self.sizes_stated or any(node.learned for node in self.nodes)

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        return self.trace.output_shapes

    def _additions(self) -> Iterator[Addition]:
        for node in self.nodes:
            operands = operands_of(node) if node.kind == "addition" and node.point is not None else None
            if operands is not None:
                yield Addition(node, *operands, self.block_of(node), self.where_of(node))


def with_new_classes(models: Sequence[Model]) -> Iterator[Model]:
    """The models that call a module class which no earlier one calls, for expensive checks.

    Skips models with faults, and models that ran on real tensors, which may reject others.
    """
    known: set[type[Any]] = set()
    for model in models:
        classes = {type(call.module) for call in model.calls if not call.is_torchs}
        if not classes <= known and not model.trace.faults and not model.trace.is_real:
            known |= classes
            yield model


def name_of(node: Node, owner: ModuleCall) -> str:
    """Describe the origin of a tensor: the name of the layer or function and the line, or `self.weight`."""
    call, point = node.call, node.point
    prefix = f"{owner.path}." if owner.path else ""
    if node.kind == "stored" and node.target != "constant" and node.target.startswith(prefix):
        return f"self.{node.target.removeprefix(prefix)}"
    if node in owner.inputs or call is None or point is None:
        return "the block's input"
    name = call.relative_path(owner) if call.is_torchs else f"{node.function}()"
    return f"{name}, line {point.span.start.line}"
