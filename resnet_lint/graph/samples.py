"""What became of the samples of a batch in one forward: whether they stay apart, and where they meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .node import Node

Way = Literal["computed", "folded", "stacked"]


@dataclass(frozen=True, eq=False)
class Crossing:
    """A call at which one sample of the batch reaches another.

    `way` says how: the call computes a value from several samples ("computed"), moves the values of several samples to
    one row ("folded"), or puts results for all samples behind one another along the batch ("stacked"). `axis` is the
    axis of the operand that has the samples, `reader` the first call that takes folded rows for samples.
    """

    node: Node
    way: Way
    axis: int = 0
    reader: Node | None = None


@dataclass(frozen=True, eq=False)
class Samples:
    """A forward with a batch of `batch`, its samples followed; `crossings` are those that reach the output."""

    batch: int
    crossings: tuple[Crossing, ...] = ()
