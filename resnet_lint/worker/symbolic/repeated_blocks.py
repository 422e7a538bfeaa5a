"""Traces repeated blocks, as in a deep ResNet, once, and copies the result for the others.

Two calls are equivalent if their modules have the same configuration, and their inputs the same shapes; the values of
weights do not matter for fake tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node

from ..tensors import mapped, tensors_in


@dataclass(frozen=True, eq=False)
class Block:
    """A traced call: its nodes in order, the completed module calls inside it, and its result."""

    call: ModuleCall
    nodes: Sequence[Node]
    calls: Sequence[ModuleCall]
    results: Mapping[ModuleCall, tuple[Node, ...]]
    result: Any
    result_nodes: tuple[Node, ...]

    @property
    def is_self_contained(self) -> bool:
        """Whether it uses only its inputs and weights, returns new tensors, and modifies nothing else."""
        own, known = set(self.nodes), {*self.nodes, *self.call.inputs}
        from_inside = all(operand in known for node in self.nodes for operand in node.operands)
        weights = [node.target for node in self.nodes if node.kind == "stored"]
        uses_own = all(name.startswith(f"{self.call.path}.") for name in weights)
        is_plain = isinstance(self.result, (torch.Tensor, list, tuple, dict))
        gives_own = is_plain and own.issuperset(self.result_nodes)
        return from_inside and uses_own and gives_own and len(self.result_nodes) == len([*tensors_in(self.result)])


def likeness(module: nn.Module, args: Any, kwargs: Any) -> Hashable | None:
    """A key that is equal for equivalent calls; None for calls that are too small, or cannot be compared."""
    if next(module.children(), None) is None or kwargs:
        return None
    tensors = list(tensors_in(args))
    if len(tensors) != len(args):
        return None
    places = [next(place for place, other in enumerate(tensors) if other is tensor) for tensor in tensors]
    shapes = [(tensor.dtype, _written(tensor.shape), _written(tensor.stride())) for tensor in tensors]
    return (tuple(places), tuple(shapes), _configuration(module))


def _written(sizes: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(size.node.expr if isinstance(size, torch.SymInt) else size for size in sizes)


def _configuration(module: nn.Module) -> Hashable:
    """The class of a module, its attributes, the shapes of its weights, and the same of its submodules."""
    attributes = ((name, _frozen(value)) for name, value in sorted(vars(module).items()) if name not in _NO_SETTING)
    weights = (
        (name, weight if weight is None else (weight.shape, weight.dtype))
        for store in (module._parameters, module._buffers)
        for name, weight in store.items()
    )
    parts = ((name, part if part is None else _configuration(part)) for name, part in module._modules.items())
    return type(module), tuple(attributes), tuple(weights), tuple(parts)


# The construction site, and attributes that are compared separately.
_NO_SETTING = frozenset({"_resnet_lint_built", "_parameters", "_buffers", "_modules"})


def _frozen(value: Any) -> Hashable:
    """A hashable form of a value; objects of other types are only equal to themselves."""
    if value is None or isinstance(value, (bool, int, float, str, torch.dtype)):
        return (type(value).__name__, value)
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return (type(value).__name__, *map(_frozen, parts))
    if isinstance(value, dict):
        return tuple((_frozen(key), _frozen(part)) for key, part in value.items())
    return id(value)


WeightNode = Callable[[torch.Tensor, ModuleCall | None], Node]
"""Returns the node of a weight that is read in a module call."""

Again = Callable[[Node, Mapping[Node, Node], ModuleCall | None], Node]
"""Copies a node into another call, with other operands."""


class Copy:
    """A copy of a block for another module with the same configuration, and other inputs; `result` is its result."""

    def __init__(
        self, block: Block, call: ModuleCall, keep: Callable[[Node, None], None], weight: WeightNode, again: Again
    ) -> None:
        self._block, self._weight = block, weight
        self._modules = dict(call.module.named_modules())
        self._calls = {block.call: call}
        self._nodes: dict[Node, Node] = dict(zip(block.call.inputs, call.inputs, strict=True))
        self._path = call.path
        for node in block.nodes:
            if node.kind == "stored":
                self._nodes[node] = self._weight_again(node)
            else:
                self._nodes[node] = again(node, self._nodes, self._call_at(node))
                keep(self._nodes[node], None)
        self.completed = [self._call(inner) for inner in block.calls]
        self.results = {self._call(inner): self._moved(nodes) for inner, nodes in block.results.items()}
        self.result_nodes = self._moved(block.result_nodes)
        with torch._C.DisableTorchFunction():
            self.result = mapped(block.result, _like)

    def _weight_again(self, node: Node) -> Node:
        """The node of the same weight of the other module, which may exist already."""
        name = node.target.removeprefix(f"{self._block.call.path}.")
        return self._weight(attrgetter(name)(self._calls[self._block.call].module), self._call_at(node))

    def _call_at(self, node: Node) -> ModuleCall | None:
        """The call in the copy that contains the copy of a node."""
        return self._call(node.call) if node.call is not None else None

    def _renamed(self, path: str) -> str:
        return self._path + path.removeprefix(self._block.call.path)

    def _moved(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        return tuple(self._nodes[node] for node in nodes)

    def _call(self, call: ModuleCall) -> ModuleCall:
        if call not in self._calls:
            assert call.parent is not None
            module = self._modules.get(call.relative_path(self._block.call), call.module)
            parent, inputs = self._call(call.parent), self._moved(call.inputs)
            self._calls[call] = ModuleCall(module, self._renamed(call.path), parent, call.caller, frozenset(), inputs)
        return self._calls[call]


def _like(part: Any) -> Any:
    """A new tensor of the same shape."""
    if not isinstance(part, torch.Tensor):
        return part
    return torch.empty_strided(part.shape, part.stride(), dtype=part.dtype, device=part.device)
