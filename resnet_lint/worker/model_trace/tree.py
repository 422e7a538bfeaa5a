"""The tree of a forward pass: which calls are a single step, which contain other steps, and the ids of the steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node

from .forward_to_show import ForwardToShow

StepKey = ModuleCall | Node | str
"""What a step represents: a module call, a function call, or an input or output of the model by its name."""

OUTPUT = "output"


class Tree:
    """The steps of a forward pass in execution order.

    `ids` maps each step to its id, `parts` to the steps inside it, and `nodes` maps a step without parts to its nodes.
    """

    def __init__(self, forward: ForwardToShow) -> None:
        self.root = forward.call
        self.shown = [node for node in forward.trace.nodes if _is_inside(node, forward.call)]
        self.outputs = dict.fromkeys(forward.trace.results.get(forward.call, ()))
        self.inputs = dict(_named_inputs(forward.call))
        self.ids: dict[StepKey, int] = {}
        self.parts: dict[StepKey, list[StepKey]] = defaultdict(list)
        self.nodes: dict[StepKey, list[Node]] = defaultdict(list)
        self._faulty = {fault.node for fault in forward.trace.all_faults}
        self._leaf_calls = _leaf_calls(self.shown) - {forward.call}
        self._grow()

    def leaf(self, node: Node) -> StepKey | None:
        """The step without parts that a node belongs to; None for nodes that are not shown, such as parameters."""
        if node in self.inputs:
            return self.inputs[node]
        key = self._key(_producer(node))
        return key if key in self.ids else None

    def around(self, key: StepKey) -> list[ModuleCall]:
        """The module calls that enclose a step, outermost first."""
        if isinstance(key, str):
            return [self.root]
        call: ModuleCall = key.known_call if isinstance(key, Node) else key
        calls = list(call.with_callers())
        calls = calls[: calls.index(self.root) + 1][::-1]
        return calls if isinstance(key, Node) else calls[:-1]

    def _grow(self) -> None:
        self.ids[self.root] = 0
        for name in self.inputs.values():
            self._add(self.root, name)
        for node in self.shown:
            if _producer(node) is node and (node.activation or node in self._faulty):
                key = self._key(node)
                chain = [*self.around(key), key]
                for outer, inner in pairwise(chain):
                    self._add(outer, inner)
                self.nodes[key].append(node)
        if self.outputs:
            self._add(self.root, OUTPUT)

    def _key(self, node: Node) -> StepKey:
        call: ModuleCall | None = node.call
        return call if call in self._leaf_calls and call is not None else node

    def _add(self, outer: StepKey, inner: StepKey) -> None:
        if inner not in self.ids:
            self.ids[inner] = len(self.ids)
            self.parts[outer].append(inner)


def _is_inside(node: Node, call: ModuleCall) -> bool:
    own: ModuleCall | None = node.call
    return own is not None and node.kind != "stored" and call in own.with_callers()


def _named_inputs(call: ModuleCall) -> Iterator[tuple[Node, str]]:
    """The activations that enter, with their names: those of a submodule are numbered."""
    entering = dict.fromkeys(node for node in call.inputs if node.activation)
    for number, node in enumerate(entering, 1):
        unnamed = f"input {number}" if len(entering) > 1 else "input"
        yield node, node.target if node.kind == "input" else unnamed


def _leaf_calls(nodes: list[Node]) -> set[ModuleCall]:
    """The calls shown as a single step: modules without submodule calls, unless a user's module makes several calls."""
    work: dict[ModuleCall, int] = defaultdict(int)
    parents: set[ModuleCall] = set()
    for node in nodes:
        call: ModuleCall = node.known_call
        work[call] += 1
        parents.update(list(call.with_callers())[1:])
    return {call for call, count in work.items() if call not in parents and (count == 1 or call.is_torchs)}


def _producer(node: Node) -> Node:
    """The node that computes a node's value, skipping item access and tensors written through a view."""
    while True:
        if node.kind == "part":
            node = node.sources[0]
        elif node.kind == "written":
            node = node.sources[-1]
        else:
            return node
