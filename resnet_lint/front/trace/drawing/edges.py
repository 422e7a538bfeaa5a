"""The edges between visible boxes, for Mermaid and Graphviz, which compute the layout themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resnet_lint.shared.records.model_trace import Flow, Role, TracedTensor

from .boxes import Box
from .wires import common_role


@dataclass(frozen=True)
class Edge:
    """A tensor from one box to another."""

    source: Box
    target: Box
    tensor: TracedTensor
    role: Role


def edges_between(root: Box, depth: int, flows: Sequence[Flow]) -> list[Edge]:
    """The edges at a depth, one per tensor and pair of boxes."""
    box_of = _owners(root, depth)
    found: dict[tuple[int, int, str], tuple[Box, Box, TracedTensor, set[Role]]] = {}
    for flow in flows:
        source, target = box_of[flow.source], box_of[flow.target]
        if source is not target:
            key = source.id, target.id, flow.tensor.name
            found.setdefault(key, (source, target, flow.tensor, set()))[3].add(flow.role)
    return [Edge(source, target, tensor, common_role(roles)) for source, target, tensor, roles in found.values()]


def _owners(box: Box, depth: int) -> dict[int, Box]:
    """The innermost visible box of each step."""
    owners: dict[int, Box] = {}
    for part in box.parts:
        if part.parts and depth > 1:
            inside = _owners(part, depth - 1)
            last = list(inside.values())[-1]  # for the identical modules that are not drawn
            owners |= dict.fromkeys(part.ids, last) | inside
        else:
            owners |= dict.fromkeys(part.ids, part)
    return owners
