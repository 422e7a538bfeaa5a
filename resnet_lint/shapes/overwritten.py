"""Tells of tensors that are changed in place and used as if they were not."""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from ..observed import ChangedBeforeUse, Use
from ..records import Cause
from .built import built_of
from .calls import ModuleCall
from .fault import ADDITIONS, CONCATENATIONS
from .inplace import Change
from .mend.in_place import out_of_place
from .place import Point
from .seen import Seen


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
            mend=out_of_place(read.change, owner, changes_results=True),
        )


def cause_of_change(change: Change, owner: ModuleCall) -> Cause:
    """The call that changes a tensor; for a layer, where it was built to work in place."""
    node = change.node
    call: ModuleCall = node.meta["call"]
    built = built_of(call.module) if call.is_torchs else None
    place = (built.point if built is not None else node.meta["point"]).span
    if call.is_torchs:
        text = f"{call.relative_path(owner)}: {type(call.module).__name__} works in place"
    else:
        text = node.meta["point"].text
    return Cause(place.path, place.start.line, text)


def _use(reader: fx.Node) -> Use:
    function = reader.meta["function"]
    if function in ADDITIONS:
        return "added"
    return "concatenated" if function in CONCATENATIONS else "read"
