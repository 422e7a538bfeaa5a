"""A node of the graph: a call in a recorded forward pass, with its arguments, location and result."""

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
    "stored",  # a parameter, a buffer, or another tensor that no call computed
    "addition",
    "concatenation",
    "convolution",
    "transposed",
    "linear",
    "channel norm",  # a normalization whose channels are the second axis
    "last norm",  # a normalization over the last axes
    "pool",
    "resize",
    "detach",
    "data",  # the attribute `data` of a tensor: its values without autograd history
    "part",  # one of several results of a call
    "written",  # a tensor after a view of it was modified
    "other",
]


@dataclass(eq=False, repr=False)
class Node:
    """A call, recorded in execution order. Immutable.

    `name` is unique in the graph. `function` is the name of the function without leading or trailing underscores (`add`
    for `x += y`), `spelling` the original name (`__iadd__`); both are empty if it is not a call. `target` is the name
    of an input, or the path of a stored tensor. `arguments` are the arguments by name, with nodes instead of tensors;
    `operands` are all nodes in them, with repetitions. `shape` is None for a call with several results, which are
    separate nodes; `inputs` are the shapes of the operands. `point` is the location in the user's code and `call`
    the enclosing module call. `activation` is whether the result depends on an input of the model; `order` is the
    position in the graph; `in_place` is whether the call modified an operand; `dtype` is that of an input. `users` are
    the calls that read the result.
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
        return f"Node({self.name})"  # without its operands, whose repr would be recursive

    @property
    def known_shape(self) -> Shape:
        """The shape of the node, which must have a single result."""
        assert self.shape is not None
        return self.shape

    @property
    def known_point(self) -> Point:
        """The location of the node, which must be in the user's code."""
        assert self.point is not None
        return self.point

    @property
    def known_call(self) -> ModuleCall:
        """The enclosing module call of the node, which must not be an input of the model."""
        assert self.call is not None
        return self.call

    @cached_property
    def sources(self) -> tuple[Node, ...]:
        """The operands without repetitions."""
        return tuple(dict.fromkeys(self.operands))

    @cached_property
    def activations(self) -> tuple[Node, ...]:
        """The operands that depend on an input of the model, without repetitions."""
        return tuple(node for node in self.sources if node.activation)

    @cached_property
    def effect(self) -> Effect | None:
        """The effect of the call on a shape; None for inputs, stored tensors, and calls with several results."""
        return effect_of(self)

    @property
    def learned(self) -> bool:
        """Whether the call is a layer with weights that mixes channels."""
        return self.effect is not None and self.effect.learned

    @property
    def is_view(self) -> bool:
        """Whether the call only reads its first operand with other sizes."""
        return self.function in ("view", "reshape", "view_as", "reshape_as")

    @property
    def features_axis(self) -> int | None:
        """The axis of a layer's channels or features: 1 or -1; None if the node is not such a layer."""
        if self.kind in ("convolution", "transposed", "channel norm"):
            return 1
        one_axis = len(self.inputs) > 1 and len(self.inputs[1]) == 1
        return -1 if self.kind == "linear" or (self.kind == "last norm" and one_axis) else None
