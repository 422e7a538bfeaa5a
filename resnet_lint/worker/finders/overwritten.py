"""Tells of tensors that are changed in place and used as if they were not."""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from resnet_lint.graph.causes import cause_of_change
from resnet_lint.graph.model import Seen
from resnet_lint.graph.source_places import Point
from resnet_lint.shared.observed import ChangedBeforeUse, Use

from ..fix_plans.in_place import out_of_place
from ..tracer.torch_functions import ADDITIONS, CONCATENATIONS


def changes_before_use(seen: Seen) -> Iterator[ChangedBeforeUse]:
    """Blames the change where it stands in the same function as the use, and the use where a layer hides the change."""
    for read in seen.trace.watch.late_reads:
        owner = seen.caller_at(read.reader.meta["call"], read.point)
        changed_at: Point = read.change.node.meta["point"]
        here = changed_at.code is read.point.code and not read.change.node.meta["call"].is_torchs
        span = changed_at.span if here else read.point.span
        yield ChangedBeforeUse(
            **seen.place(span, owner),
            variable=read.name,
            change=cause_of_change(read.change, owner),
            here=here,
            use=_use(read.reader),
            used_at=read.point.span.start.line,
            fix_plan=out_of_place(read.change, owner, changes_results=True),
        )


def _use(reader: fx.Node) -> Use:
    function = reader.meta["function"]
    if function in ADDITIONS:
        return "added"
    return "concatenated" if function in CONCATENATIONS else "read"
