"""The wires inside one box: each connects the producer of a tensor with its users."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from resnet_lint.shared.records.model_trace import Flow, Role, TracedTensor

from .boxes import Box

INTO = -1
OUT = -2


@dataclass(frozen=True)
class Wire:
    """A tensor inside a box, from a part or from outside (`source` is INTO) to other parts or to the outside (OUT).

    Parts are indices into the box's `parts`. `roles` has one item per target.
    """

    tensor: TracedTensor
    source: int
    targets: tuple[int, ...]
    roles: tuple[Role, ...]

    @property
    def needs_label(self) -> bool:
        """Whether the same tensor has no label close to the box outside it."""
        return (self.source != INTO or len(self.targets) > 1) and self.targets != (OUT,)


def wires_in(box: Box, flows: tuple[Flow, ...]) -> tuple[Wire, ...]:
    """The wires between the parts of a box, and to and from outside, one per tensor."""
    part_of = {id: number for number, part in enumerate(box.parts) for id in part.ids}
    found: dict[tuple[str, int], dict[int, set[Role]]] = {}
    tensors: dict[str, TracedTensor] = {}
    for flow in flows:
        source = part_of.get(flow.source, INTO)
        target = part_of.get(flow.target, OUT)
        if source == target or (source == INTO and target == OUT):
            continue
        tensors[flow.tensor.name] = flow.tensor
        found.setdefault((flow.tensor.name, source), {}).setdefault(target, set()).add(flow.role)
    return tuple(
        Wire(tensors[name], source, tuple(targets), tuple(map(common_role, targets.values())))
        for (name, source), targets in found.items()
    )


def common_role(roles: Collection[Role]) -> Role:
    """The role of a wire that combines several flows."""
    [role, *others] = set(roles)
    return "main" if others else role
