"""Frozen records that the worker sends to the reports of `resnet-lint trace`. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .contracts import Contract
from .gradients import Gradients
from .places import Cause, Operand, Shape

Role = Literal["main", "branch", "shortcut"]


@dataclass(frozen=True)
class TracedTensor:
    """A tensor between two steps: its shape (batch first) and the index of its channel axis, None if unknown.

    `symbolic` is the shape in terms of the input sizes (`N`, `H//2`), None if there is none. `name` is the name of the
    fx node and tells the tensors of one step apart.
    """

    name: str
    shape: Shape
    channels: int | None = None
    symbolic: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SourceLine:
    """A line of the user's source code."""

    path: str
    line: int


@dataclass(frozen=True)
class ForwardStep:
    """One call in a forward pass: of a module, with the calls it makes as `parts`, or of a single function.

    `name` is relative to the enclosing step (`conv1`), `path` to the model (`layer2.0.conv1`). `kind` is the class of
    the module or the name of the function; `operation` is the main function of a step without parts (`conv2d`,
    or `input` and `output` for those of the model), and `detail` its hyperparameters (`3x3, stride 2, 64 -> 128`).
    `parameters` is the number of scalar parameters. `inputs` are made outside the step, `outputs` are used outside.
    `place` is the line of the call, `built` the line that constructed the module.

    `trainable` is the number of parameters that require a gradient, `multiply_adds` that of the call for one sample.
    `receptive_field` is the number of input positions per spatial axis that the centre of the output depends on, beyond
    the borders of the input where they are padding; None for unknown effects, and for calls deep inside others.
    """

    id: int
    name: str
    path: str
    kind: str
    operation: str
    detail: str
    parameters: int
    inputs: tuple[TracedTensor, ...]
    outputs: tuple[TracedTensor, ...]
    place: SourceLine | None = None
    built: SourceLine | None = None
    parts: tuple[ForwardStep, ...] = ()
    trainable: int = 0
    multiply_adds: int = 0
    receptive_field: tuple[int, ...] | None = None

    def walk(self) -> Iterator[ForwardStep]:
        """Yield this step and all steps inside it, in execution order."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def leaves(self) -> Iterator[ForwardStep]:
        return (step for step in self.walk() if not step.parts)


@dataclass(frozen=True)
class Flow:
    """An edge of the graph: a tensor that one step without parts produces and another uses; both are given by id.

    `role` is `branch` or `shortcut` between a fork and the residual addition that joins it again, else `main`.
    """

    source: int
    target: int
    tensor: TracedTensor
    role: Role = "main"


@dataclass(frozen=True)
class TracedFault:
    """A failing call: its step, torch's error, the mismatched shapes, and the lines that caused them."""

    step: int
    error: str
    operands: tuple[Operand, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class TrainingMemory:
    """The forecast memory of a training step with AdamW on the CPU, in bytes, for a batch of `batch` samples.

    `activations` are alive at the end of the forward pass: inputs, outputs, and what the backward pass needs. `peak` is
    the maximum over the step, less than the sum, since activations are freed while gradients are computed. `doubt` is
    the reason why there is no forecast.
    """

    batch: int = 0
    weights: int = 0
    gradients: int = 0
    optimizer_state: int = 0
    activations: int = 0
    peak: int = 0
    doubt: str | None = None


@dataclass(frozen=True)
class ModelTrace:
    """The traced forward pass of one model.

    `label` is the expression that constructs the model. `within` is the path of the shown submodule, if any.
    `additions` are the ids of the residual additions. `others` are the other models of the file that were traced.
    `stopped` is the reason why the forward pass ended early, unless it was a shape mismatch; `unsymbolic` is the reason
    why there are no symbolic shapes. `contract` is the input contract of a whole model that works at some sizes.
    `gradients` are those of its parameters, if requested; `memory` is that of a training step of a whole model.
    `reads` are the files that the trace depends on, as in FileReport.
    """

    path: str
    torch: str
    label: str
    root: ForwardStep
    flows: tuple[Flow, ...]
    additions: tuple[int, ...] = ()
    faults: tuple[TracedFault, ...] = ()
    within: str | None = None
    others: tuple[str, ...] = ()
    stopped: str | None = None
    unsymbolic: str | None = None
    contract: Contract | None = None
    gradients: Gradients | None = None
    memory: TrainingMemory | None = None
    reads: dict[str, str | None] | None = None

    @property
    def inputs(self) -> tuple[ForwardStep, ...]:
        return tuple(step for step in self.root.parts if step.operation == "input")
