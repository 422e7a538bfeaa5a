"""Finds skip connections in a recorded graph: the fork, the residual branch, the shortcut and their addition.

The terms are those of He et al. 2015 (Deep Residual Learning): the input of the block forks into the residual branch,
which contains the layers, and the shortcut, which is the input itself or a projection of it; an addition joins them.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from .node import Node


@dataclass(frozen=True, eq=False)
class Residual:
    """A residual addition. `fork` is None if the operands come from different inputs: a fusion of two streams."""

    addition: Node
    fork: Node | None
    branch: Node
    shortcut: Node

    @property
    def branch_path(self) -> list[Node]:
        """The nodes from the fork (exclusive) to the end of the residual branch, in order."""
        return path_between(self.fork, self.branch)

    @property
    def shortcut_path(self) -> list[Node]:
        """The nodes from the fork (exclusive) to the end of the shortcut, in order; empty for an identity shortcut."""
        return path_between(self.fork, self.shortcut)


def residual_at(addition: Node) -> Residual | None:
    """The skip connection that an addition closes; None if it does not add two activations."""
    operands = list(addition.activations)
    if addition.kind != "addition" or len(operands) != 2:
        return None
    left, right = operands
    branch = deeper(left, right)
    fork = fork_of(left, right)
    return Residual(addition, fork, operands[branch], operands[1 - branch])


def residuals_in(nodes: Sequence[Node]) -> list[Residual]:
    """The skip connections in a graph that start at a common fork, in order."""
    found = (residual_at(node) for node in nodes)
    return [residual for residual in found if residual is not None and residual.fork is not None]


def fork_of(left: Node, right: Node) -> Node | None:
    """The nearest node that both operands depend on; an operand counts as its own ancestor.

    Visits only the nodes between the two operands and the fork, so the cost of a whole model stays linear in its depth.
    """
    reached = {left: 1, right: 2} if left is not right else {left: 3}
    waiting = [(-node.order, index, node) for index, node in enumerate(reached)]
    heapq.heapify(waiting)
    count = len(waiting)
    while waiting:
        _, _, node = heapq.heappop(waiting)
        if reached[node] == 3:
            return node
        for source in node.sources:
            if not source.activation:
                continue
            if source not in reached:
                count += 1
                heapq.heappush(waiting, (-source.order, count, source))
            reached[source] = reached.get(source, 0) | reached[node]
    return None


def path_between(fork: Node | None, end: Node) -> list[Node]:
    """The nodes on all paths from `fork` (exclusive) to `end` (inclusive), in order; from the inputs if it is None."""
    first = fork.order if fork is not None else -1
    behind: set[Node] = set()
    waiting = [end]
    while waiting:
        node = waiting.pop()
        if node in behind or node.order <= first:
            continue
        behind.add(node)
        waiting.extend(node.activations)
    path: list[Node] = []
    on_the_way = {fork}
    for node in sorted(behind, key=lambda node: node.order):
        if fork is None or any(source in on_the_way for source in node.sources):
            on_the_way.add(node)
            path.append(node)
    return path


def depends_on(node: Node, source: Node) -> bool:
    """Whether a node is computed from another, directly or indirectly."""
    waiting, seen = [node], set()
    while waiting:
        current = waiting.pop()
        if current is source:
            return True
        if current not in seen and current.order > source.order:
            seen.add(current)
            waiting.extend(current.sources)
    return False


def inputs_of(node: Node) -> frozenset[Node]:
    """The inputs of the model that a node's result is made of."""
    seen, waiting = {node}, [node]
    for current in waiting:  # grows as sources are found
        new = [source for source in current.activations if source not in seen]
        seen.update(new)
        waiting += new
    return frozenset(ancestor for ancestor in seen if ancestor.kind == "input")


def deeper(left: Node, right: Node) -> int:
    """The operand of an addition that is the residual branch: 0 for the left one, 1 for the right one."""
    fork = fork_of(left, right)
    weights = [_least_work(fork, operand) for operand in (left, right)]
    return 0 if weights[0] >= weights[1] else 1


def _least_work(fork: Node | None, end: Node) -> tuple[int, int]:
    """The number of layers, and the sum of their kernel sizes, on the path from the fork with the fewest layers.

    A branch has more layers than a shortcut, and the projection of a shortcut has a small kernel.
    """
    least: dict[Node | None, tuple[int, int]] = {fork: (0, 0)}
    for node in path_between(fork, end):
        before = min((least[s] for s in node.sources if s in least), default=(0, 0))
        effect = node.effect
        layers, kernels = (1, sum(effect.kernel)) if effect is not None and effect.learned else (0, 0)
        least[node] = (before[0] + layers, before[1] + kernels)
    return least.get(end, (0, 0))


def channel_axis_of(residual: Residual) -> int:
    """The axis of channels or features of the operands: the last one after linear layers, else the second.

    If the output of the last layer is permuted before the addition, it is the other one.
    """
    rank = len(residual.branch.known_shape)
    moved = False
    for node in reversed([*residual.shortcut_path, *residual.branch_path]):
        effect = node.effect
        if node.spelling in ("permute", "transpose", "movedim"):
            moved = not moved
        elif effect is None or effect.is_of_gate(residual.branch.known_shape):
            continue
        elif effect.sort in ("convolution", "transposed", "linear", "recurrent"):
            return rank - 1 if effect.is_of_features != (moved and rank > 2) else 1
    return 1 if rank >= 4 or rank == 2 else rank - 1


def differing_axes(residual: Residual) -> tuple[int, ...]:
    """The axes in which the operands differ, except for broadcasts if others differ too; none if their ranks differ."""
    branch, shortcut = residual.branch.known_shape, residual.shortcut.known_shape
    if len(branch) != len(shortcut):
        return ()
    unlike = [axis for axis, sizes in enumerate(zip(branch, shortcut, strict=True)) if len({*sizes}) > 1]
    return tuple(axis for axis in unlike if 1 not in (branch[axis], shortcut[axis])) or tuple(unlike)


def layers_in_a_row(first: Node, last: Node) -> int:
    """The number of consecutive layers between two tensors of the same shape; 0 if there is a join between them."""
    path = path_between(first, last)
    joined = any(len(node.activations) > 1 for node in path)
    if joined or first.shape != last.shape:
        return 0
    return sum(1 for node in path if (effect := node.effect) is not None and effect.learned)
