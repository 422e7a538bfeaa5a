"""Changes of a tensor in place, and reads of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from .node import Node
from .source_places import Point

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Change:
    """A change in place: the call's node, and per frame of the user's what ran there and which names held the tensor.

    A name may hold the tensor itself, or a list, tuple or dictionary with it. `version` counts the changes, this one
    included.
    """

    node: Node
    tensor: torch.Tensor
    version: int
    frames: dict[FrameType, tuple[Point, dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class LateRead:
    """A call that reads a tensor under a name from before its change: `point` is where, `name` the name."""

    change: Change
    reader: Node
    name: str
    point: Point
