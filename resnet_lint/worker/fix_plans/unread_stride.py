"""The fix of a layer or block that is constructed without the stride that the code around it computes."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.unused_strides import unused_stride
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, Site

from .evidence import Evidence


def unread_stride(e: Evidence) -> ChangeArguments | None:
    """A layer or block on one side of an addition is constructed without the stride that is computed for it."""
    path = [*e.residual.branch_path, *e.residual.shortcut_path]
    same_rank = len(e.branch) == len(e.shortcut)
    return restored_stride(path, e.owner) if same_rank and e.sizes_differ else None


def restored_stride(path: Sequence[Node], owner: ModuleCall) -> ChangeArguments | None:
    """Pass the stride that no layer gets, if a layer or block of a path is constructed without it.

    It is unsafe if no caller states the stride: the default may be out of date, and another layer wrong.
    """
    unread = unused_stride(path)
    if unread is None:
        return None
    call = unread.chain[0].span  # where the name is; those around it have others
    site = Site(unread.call.relative_path(owner), "other", (call,), parameters=unread.parameters)
    change = Change(site, "stride", unread.name)
    title = f"pass the stride, which {'no layer gets' if unread.compared else 'is never read'}: {change.in_words()}"
    return ChangeArguments(title, (change,), changes_results=unread.by_default)
