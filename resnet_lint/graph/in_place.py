"""In-place modifications of tensors, and later reads."""

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
    """An in-place modification: the node of the call, and for each user frame its location and the names of the tensor.

    A name may refer to the tensor itself, or to a list, tuple or dict that contains it. `version` is the version of the
    tensor after the modification.
    """

    node: Node
    tensor: torch.Tensor
    version: int
    frames: dict[FrameType, tuple[Point, dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class LateRead:
    """A call that reads a tensor under a `name` from before its modification; `point` is its location."""

    change: Change
    reader: Node
    name: str
    point: Point
