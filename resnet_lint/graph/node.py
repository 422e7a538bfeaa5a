"""One call of a recorded forward, as a node of its graph: what was called, with what, where, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..shared.records.places import Shape
from .effects import Effect, effect_of
from .module_call import ModuleCall
from .source_places import Point

if TYPE_CHECKING:
    import torch

Kind = Literal[
    "input",  # of the model
    "stored",  # a parameter, a buffer, or another tensor that no call made
    "addition",
    "concatenation",
    "convolution",
    "transposed",
    "linear",
    "channel norm",  # a normalisation that takes the second axis for the channels
    "last norm",  # one over the last axes
    "pool",
    "resize",
    "detach",
    "data",  # the attribute of a tensor: its values without their history
    "part",  # one of several results of a call
    "written",  # a tensor after a view of it was changed
    "other",
]


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """One call; the recorder writes each once, in the order of the forward, and nothing changes it afterwards.

    `name` is unique in the graph. `function` is the name of what was called, without underscores around it (`add` for
    `x += y`), and `spelling` the name as it is (`__iadd__`); both are empty where nothing was called. `target` is the
    name of an input, or the path of a stored tensor. `arguments` are those of the call by their names, each tensor as
    the node that made it; `operands` are all these nodes, one that was given twice stands twice. `shape` is None for a
    call with several results, each of which is a node of its own; `inputs` are the shapes of the operands. `point` is
    the expression in the user's source and `call` the module call around it. `activation` says whether the result
    depends on an input of the model; `order` grows along the graph; `in_place` says whether the call changed one of its
    operands; `dtype` is that of an input. `users` are the calls that read the result.
    """

    name: str
    kind: Kind
    function: str
    spelling: str
    target: str
    arguments: Mapping[str, Any]
    operands: tuple[Node, ...]
    shape: Shape | None
    inputs: tuple[Shape, ...]
    point: Point | None
    call: ModuleCall | None
    activation: bool
    order: int
    in_place: bool = False
    dtype: torch.dtype | None = None
    users: list[Node] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Node({self.name})"  # its operands have operands of their own

    @property
    def known_shape(self) -> Shape:
        """The shape, of a node that is known to have one result."""
        assert self.shape is not None
        return self.shape

    @property
    def known_point(self) -> Point:
        """The expression, of a node that is known to come from one."""
        assert self.point is not None
        return self.point

    @property
    def known_call(self) -> ModuleCall:
        """The module call around a node that is known to be no input of the model."""
        assert self.call is not None
        return self.call

    @cached_property
    def sources(self) -> tuple[Node, ...]:
        """The operands, each once."""
        return tuple(dict.fromkeys(self.operands))

    @cached_property
    def activations(self) -> tuple[Node, ...]:
        """The operands that depend on an input of the model, each once."""
        return tuple(node for node in self.sources if node.activation)

    @cached_property
    def effect(self) -> Effect | None:
        """What the call does to a shape; None for inputs, stored tensors, and results of several parts."""
        return effect_of(self)

    @property
    def learned(self) -> bool:
        """Whether the call is a layer with weights that mixes channels."""
        return self.effect is not None and self.effect.learned

    @property
    def features_axis(self) -> int | None:
        """The axis that a layer has its channels or features at: 1 or -1; None for all that is no such layer."""
        if self.kind in ("convolution", "transposed", "channel norm"):
            return 1
        one_axis = len(self.inputs) > 1 and len(self.inputs[1]) == 1
        return -1 if self.kind == "linear" or (self.kind == "last norm" and one_axis) else None
