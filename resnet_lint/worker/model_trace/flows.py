"""The edges between steps: each tensor from the step that produces it to the steps that use it, with its role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import Residual, residuals_in
from resnet_lint.shared.records.model_trace import Flow, Role, TracedTensor

from .channels import channel_axes
from .forward_to_show import ForwardToShow
from .tree import OUTPUT, StepKey, Tree

Crossing = tuple[list[TracedTensor], list[TracedTensor]]
"""The tensors that enter a step, and those that leave it."""


def flows_in(tree: Tree, forward: ForwardToShow) -> tuple[Flow, ...]:
    """All edges in the order of their targets; a tensor appears once per target."""
    nodes, symbolic = forward.trace.nodes, forward.symbolic_shapes()
    axes = channel_axes(nodes)
    found: dict[tuple[str, int], Flow] = {}
    for source, target in _uses(tree):
        start = tree.leaf(source)
        if start is not None and start != target and source.shape is not None:
            ids = tree.ids[start], tree.ids[target]
            tensor = TracedTensor(source.name, source.shape, axes.get(source), symbolic.get(source.name))
            found.setdefault((source.name, ids[1]), Flow(*ids, tensor))
    roles = _roles(tree, nodes)
    return tuple(replace(flow, role=roles.get((flow.source, flow.target), "main")) for flow in found.values())


def _uses(tree: Tree) -> Iterator[tuple[Node, StepKey]]:
    for node in tree.shown:
        target = tree.leaf(node)
        if target is not None:
            yield from ((source, target) for source in node.sources if source.kind != "stored")
    yield from ((node, OUTPUT) for node in tree.outputs)


def _roles(tree: Tree, nodes: Sequence[Node]) -> dict[tuple[int, int], Role]:
    """The roles of the edges in skip connections, by step ids. For nested blocks, the innermost block decides."""
    roles: dict[tuple[int, int], Role] = {}
    for residual in sorted(residuals_in(nodes), key=_length):
        for role, end, path in _sides(residual):
            on_path = {residual.fork, *path}
            for node in path:
                for source in node.sources:
                    if source in on_path:
                        _note(tree, roles, source, node, role)
            _note(tree, roles, end, residual.addition, role)
    for node in tree.shown:
        if node.kind == "concatenation":
            *earlier, _ = sorted(node.sources, key=lambda source: source.order)
            for source in earlier:
                if len(source.users) > 1:
                    _note(tree, roles, source, node, "shortcut")
    return roles


def _sides(residual: Residual) -> tuple[tuple[Role, Node, list[Node]], ...]:
    """The shortcut and the branch, each with its last node and its path.

    An identity is always the shortcut: `residuals_in` does not count layers with several outputs, such as an LSTM, when
    it decides which side is which.
    """
    shortcut, branch = (residual.shortcut, residual.shortcut_path), (residual.branch, residual.branch_path)
    if residual.branch is residual.fork:
        shortcut, branch = branch, shortcut
    return ("shortcut", *shortcut), ("branch", *branch)


def residual_additions(tree: Tree, nodes: Sequence[Node]) -> tuple[int, ...]:
    """The ids of the residual additions."""
    keys = (tree.leaf(residual.addition) for residual in residuals_in(nodes))
    return tuple(tree.ids[key] for key in keys if key is not None)


def _length(residual: Residual) -> int:
    return len(residual.branch_path) + len(residual.shortcut_path)


def _note(tree: Tree, roles: dict[tuple[int, int], Role], source: Node, target: Node, role: Role) -> None:
    start, end = tree.leaf(source), tree.leaf(target)
    if start is not None and end is not None:
        roles.setdefault((tree.ids[start], tree.ids[end]), role)


def crossings(tree: Tree, flows: tuple[Flow, ...]) -> dict[int, Crossing]:
    """The tensors that enter and leave each step, by its id."""
    chains = {id: [*(tree.ids[call] for call in tree.around(key)), id] for key, id in tree.ids.items() if id}
    found: dict[int, Crossing] = {id: ([], []) for id in tree.ids.values()}
    for flow in flows:
        source, target = chains[flow.source], chains[flow.target]
        for side, inner, outer in ((0, target, source), (1, source, target)):
            for id in inner:
                if id not in outer and flow.tensor not in found[id][side]:
                    found[id][side].append(flow.tensor)
    return found
