"""The frozen records that travel from the worker to the reports of `resnet-lint trace`. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .contracts import Contract
from .places import Cause, Operand, Shape

Role = Literal["main", "branch", "shortcut"]


@dataclass(frozen=True)
class Tensor:
    """A tensor on its way: its shape, batch first, and which axis counts its channels, None where nobody knows.

    `symbolic` is the shape in the sizes of the inputs (`N`, `H//2`), None where there is none. `name` tells two tensors
    of one step apart: it is that of the graph's node.
    """

    name: str
    shape: Shape
    channels: int | None = None
    symbolic: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Place:
    """A line of the user's source."""

    path: str
    line: int


@dataclass(frozen=True)
class Step:
    """A call of the forward: of a module, with what it calls inside as its `parts`, or of a single function.

    `name` is relative to the step around it (`conv1`), `path` to the model (`layer2.0.conv1`). `kind` is the class of a
    module or the name of a function, `operation` the function that a step without parts does its work with (`conv2d`;
    `input` and `output` stand for the model's own), and `detail` says how (`3x3, stride 2, 64 -> 128`). `parameters`
    counts numbers. `takes` come from outside the step, `gives` are used outside. `place` is the line that makes the
    call, `built` the line that made the module.
    """

    id: int
    name: str
    path: str
    kind: str
    operation: str
    detail: str
    parameters: int
    takes: tuple[Tensor, ...]
    gives: tuple[Tensor, ...]
    place: Place | None = None
    built: Place | None = None
    parts: tuple[Step, ...] = ()

    def walk(self) -> Iterator[Step]:
        """This step and all inside it, in the order of the forward."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def leaves(self) -> Iterator[Step]:
        return (step for step in self.walk() if not step.parts)


@dataclass(frozen=True)
class Flow:
    """A tensor on its way from one step without parts to another, both by their ids.

    What lies between a fork and the residual addition that closes it is `branch` or `shortcut`.
    """

    source: int
    target: int
    tensor: Tensor
    role: Role = "main"


@dataclass(frozen=True)
class TracedFault:
    """A call that fails: the step it is, torch's error, the shapes that do not fit, and the lines that explain them."""

    step: int
    error: str
    operands: tuple[Operand, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class ModelTrace:
    """The forward of one model.

    `label` is the source that builds it, `within` the place of the module in it that was asked for, where that is a
    part. `additions` are the steps that close a skip connection. `others` are the models of the file that were traced
    too. `stopped` says why the forward did not come to its end, where that was no fault of shapes; `unsymbolic`
    why there are no symbolic shapes. `contract` is what a whole model asks of its inputs, where it works at some sizes.
    """

    path: str
    torch: str
    label: str
    root: Step
    flows: tuple[Flow, ...]
    additions: tuple[int, ...] = ()
    faults: tuple[TracedFault, ...] = ()
    within: str | None = None
    others: tuple[str, ...] = ()
    stopped: str | None = None
    unsymbolic: str | None = None
    contract: Contract | None = None

    @property
    def inputs(self) -> tuple[Step, ...]:
        return tuple(step for step in self.root.parts if step.operation == "input")
