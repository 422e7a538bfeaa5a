"""Creates the nodes of a graph in execution order, with the names that torch.fx would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MethodDescriptorType, WrapperDescriptorType
from typing import Any

import torch
from torch import nn
from torch.fx.graph import _Namespace, _snake_case

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Point
from resnet_lint.shared.records.places import Shape

from .named_arguments import named_arguments
from .torch_functions import kind_of_call

Sizes = Sequence[Any]
"""A shape of torch; in a symbolic trace, it contains torch.SymInt."""

_METHODS = (MethodDescriptorType, WrapperDescriptorType)


class NodeWriter:
    """Creates nodes; `nodes` are those so far."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._names = _Namespace()

    def input(self, name: str, tensor: torch.Tensor) -> Node:
        """Add an input of the model."""
        return self._add(name, _plain("input", name, tensor.shape, None), dtype=tensor.dtype, activation=True)

    def stored(self, path: str, tensor: torch.Tensor, call: ModuleCall | None) -> Node:
        """Add a parameter, buffer or constant."""
        return self._add(path, _plain("stored", path, tensor.shape, call))

    def call(
        self,
        func: Callable[..., Any],
        path: str,
        args: Any,
        kwargs: Any,
        shape: Sizes | None,
        inputs: Sequence[Sizes],
        point: Point | None,
        call: ModuleCall | None,
        in_place: bool,
    ) -> Node:
        """Add a function call whose arguments contain nodes instead of tensors; `path` is that of a called module."""
        spelling = str(getattr(func, "__name__", ""))
        function, operands = spelling.strip("_"), tuple(_nodes_in((args, kwargs)))
        label = path if isinstance(func, nn.Module) else spelling
        if isinstance(func, _METHODS) and spelling.startswith("__") and spelling.endswith("__"):
            label = spelling[2:-2]
        facts = {
            "kind": kind_of_call(func),
            "function": function,
            "spelling": spelling,
            "target": label,
            "arguments": named_arguments(function, args, kwargs),
            "operands": operands,
            "shape": shape,
            "inputs": inputs,
            "point": point,
            "call": call,
        }
        activation = function not in _CONSTANTS and any(node.activation for node in operands)
        return self._add(label, facts, activation=activation, in_place=in_place)

    def part(self, whole: Node, key: Any, shape: Sizes | None) -> Node:
        """Add one of several results of a call."""
        facts = {
            "kind": "part",
            "function": "getitem",
            "spelling": "getitem",
            "target": "getitem",
            "arguments": {"input": whole, "index": key},
            "operands": (whole,),
            "shape": shape,
            "inputs": (),
            "point": whole.point,
            "call": whole.call,
        }
        return self._add("getitem", facts, activation=whole.activation)

    def written(self, base: Node, change: Node, shape: Sizes) -> Node:
        """Add a tensor after a call that modified a view of it."""
        facts = {
            **_plain("written", "_written", shape, change.call),
            "operands": (base, change),
            "point": change.point,
        }
        return self._add("_written", facts, activation=change.activation, in_place=change.in_place)

    def again(self, node: Node, moved: Mapping[Node, Node], call: ModuleCall | None) -> Node:
        """Add a copy of a node in another module call, with its operands replaced by `moved`."""
        arguments = _with_nodes(node.arguments, moved)
        copy = replace(
            node,
            name=self._names.create_name(node.name, None),
            arguments=arguments,
            operands=tuple(moved[operand] for operand in node.operands),
            call=call,
            order=len(self.nodes),
            users=[],
        )
        return self._noted(copy)

    def _sizes(self, shape: Sizes) -> Shape:
        """A shape as integers."""
        return tuple(shape)

    def _add(self, label: str, facts: Mapping[str, Any], **more: Any) -> Node:
        name = self._names.create_name(_snake_case(label), None)
        shape, inputs = facts["shape"], facts["inputs"]
        numbers = self._sizes(shape) if shape is not None else None
        sizes = {"shape": numbers, "inputs": tuple(map(self._sizes, inputs))}
        return self._noted(Node(name=name, order=len(self.nodes), **{**facts, **sizes, **more}))

    def _noted(self, node: Node) -> Node:
        self.nodes.append(node)
        for source in node.sources:
            source.users.append(node)
        return node


# Calls whose result has nothing of the tensor before the dot but its device and dtype.
_CONSTANTS = frozenset({"new_tensor"})


def _plain(kind: str, target: str, shape: Sizes, call: ModuleCall | None) -> dict[str, Any]:
    """The fields of a node that is not a function call."""
    return {
        "kind": kind,
        "function": "",
        "spelling": "",
        "target": target,
        "arguments": {},
        "operands": (),
        "shape": shape,
        "inputs": (),
        "point": None,
        "call": call,
        "activation": False,
    }


def _nodes_in(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, slice):
        yield from _nodes_in((value.start, value.stop, value.step))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _nodes_in(part)
    elif isinstance(value, dict):
        yield from _nodes_in(list(value.values()))


def _with_nodes(value: Any, moved: Mapping[Node, Node]) -> Any:
    """A value with its nodes replaced."""
    if isinstance(value, Node):
        return moved[value]
    if isinstance(value, slice):
        return slice(*(_with_nodes(part, moved) for part in (value.start, value.stop, value.step)))
    if isinstance(value, (list, tuple)):
        return tuple(_with_nodes(part, moved) for part in value)
    if isinstance(value, dict):
        return {name: _with_nodes(part, moved) for name, part in value.items()}
    return value
