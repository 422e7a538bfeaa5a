"""A change in place that is to become a new tensor."""

from __future__ import annotations

from resnet_lint.graph.in_place import Change
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.shared.records.fix_plans import Change as Argument
from resnet_lint.shared.records.fix_plans import FixPlan

from .evidence import site_of


def out_of_place(change: Change, owner: ModuleCall, *, changes_results: bool) -> FixPlan | None:
    """The layer without `inplace=True`, or the call that gives a new tensor: `out = out + x` for `out += x`."""
    call: ModuleCall = change.node.meta["call"]
    if call.is_torchs:
        site = site_of(change.node, owner)
        title = f"keep {site.name} from working in place: inplace=False"
        return FixPlan("out_of_place", title, (Argument(site, "inplace", "False"),), changes_results=changes_results)
    point = change.node.meta["point"]
    title = "make a new tensor in place of this change"
    return FixPlan("out_of_place", title, at=point.span, changes_results=changes_results) if point is not None else None
