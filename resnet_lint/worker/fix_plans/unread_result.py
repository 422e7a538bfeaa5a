"""The fix of an expression that fails because it reads another variable than the one that was computed for it."""

from __future__ import annotations

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.unread_results import unread_results
from resnet_lint.shared.records.fix_plans import FixPlan, PassUnread


def unread_result_first(plan: FixPlan | None, fault: Fault) -> FixPlan | None:
    """The plan of a fault, after that to pass a result that the function computes before it, and never reads."""
    names = unread_results(fault.point)
    if not names:
        return plan
    return PassUnread(f"pass {names[-1]}, which is never read", tuple(reversed(names)), otherwise=plan)
