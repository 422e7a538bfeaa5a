"""A call that drops the batch, or has its size written in."""

from __future__ import annotations

import math

from torch import fx

from resnet_lint.shared.records.fix_plans import FixPlan
from resnet_lint.shared.records.places import Shape


def batch_kept(node: fx.Node) -> FixPlan | None:
    """`flatten(1)` for a `squeeze()` or a `view`, where that gives the same for the batch that was meant."""
    given: Shape = node.meta["inputs"][0]
    meant: Shape = node.meta["shape"]
    if getattr(node.meta["function"], "__name__", "") == "squeeze":
        meant = (given[0], *(size for size in given[1:] if size != 1))
    return FixPlan("dim_arg", "keep the batch: flatten(1)") if meant == (given[0], math.prod(given[1:])) else None
