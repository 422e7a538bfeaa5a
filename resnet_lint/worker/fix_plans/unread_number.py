"""The fix of a layer or block that is constructed without the stride or padding that the code around it computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.unused_numbers import PADDING, UnusedNumber, overridden_stride, unread_argument, unused_number
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, FixPlan, Site


def unread_number_first(plan: FixPlan | None, path: Sequence[Node], owner: ModuleCall) -> FixPlan | None:
    """The plan for sizes that differ, after those for a layer of a path without what is computed for it."""
    for restored in (_restored_padding(path, owner), restored_stride(path, owner), restored_argument(path, owner)):
        plan = replace(restored, otherwise=plan) if restored is not None else plan
    return plan


def restored_stride(path: Sequence[Node], owner: ModuleCall) -> ChangeArguments | None:
    """Pass the stride that no layer gets, if a layer or block of a path is constructed without it.

    It is unsafe if no caller states the stride: the default may be out of date, and another layer wrong.
    """
    unread = unused_number(path)
    if unread is None:
        return None
    return _passing(unread, "stride", owner, f"the stride, which {'no layer gets' if unread.compared else _UNREAD}")


def restored_argument(path: Sequence[Node], owner: ModuleCall) -> ChangeArguments | None:
    """Pass what a function computes for an argument of this name, in place of a constant."""
    unread = unread_argument(path)
    if unread is None:
        return None
    return _passing(unread, unread.name, owner, f"{unread.name}, which {_UNREAD}")


def overridden_block_stride(owner: ModuleCall) -> ChangeArguments | None:
    """Pass the stride to a block that is constructed with 1 beside it."""
    overridden = overridden_stride(owner)
    if overridden is None:
        return None
    return _passing(overridden, "stride", owner, "the block the stride of its shortcut")


def _restored_padding(path: Sequence[Node], owner: ModuleCall) -> ChangeArguments | None:
    """Pass the padding that is never read, if a layer or block of a path is constructed without it."""
    unread = unused_number(path, PADDING)
    if unread is None or unread.compared:
        return None
    return _passing(unread, "padding", owner, f"the padding, which {_UNREAD}")


_UNREAD = "is never read"


def _passing(unread: UnusedNumber, argument: str, owner: ModuleCall, what: str) -> ChangeArguments:
    call = unread.chain[0].span  # where the name is; those around it have others
    site = Site(unread.call.relative_path(owner), "other", (call,), parameters=unread.parameters)
    change = Change(site, argument, unread.name, unread=True)
    return ChangeArguments(f"pass {what}: {change.in_words()}", (change,), changes_results=unread.by_default)
