"""The samples of a batch in a forward pass, and the calls that mix them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .node import Node

Way = Literal["computed", "folded"]


@dataclass(frozen=True, eq=False)
class Crossing:
    """A call that mixes the samples of a batch.

    `way` says how: the call computes a value from several samples ("computed"), or moves the values of several samples
    to one row ("folded"). `axis` is the axis of the operand that has the samples, `reader` the first call that takes
    folded rows for samples.
    """

    node: Node
    way: Way
    axis: int = 0
    reader: Node | None = None


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples in a forward pass with batch size `batch`; `crossings` are the calls that affect the output."""

    batch: int
    crossings: tuple[Crossing, ...] = ()
