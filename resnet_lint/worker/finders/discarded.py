"""Finds results that are computed and thrown away."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_lint.graph.model import Seen
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.source_places import Point, span_of
from resnet_lint.graph.syntax import node_at, overwritten_by, statement_at
from resnet_lint.shared.observed import Discarded
from resnet_lint.shared.records.fix_plans import FixPlan


def discarded_results(seen: Seen) -> Iterator[Discarded]:
    """Calls whose result nothing reads: a statement by itself, or a variable that the next line overwrites."""
    for point, owner in _without_readers(seen):
        statement, expression = statement_at(point), node_at(point)
        if isinstance(statement, ast.Expr) and statement.value is expression:
            plan = FixPlan("dataflow", "give the variable the result", changes_results=True)
            yield Discarded(**seen.place(point.span, owner), expression=point.text, overwrites=None, fix_plan=plan)
        elif isinstance(statement, ast.Assign) and statement.value is expression:
            later = overwritten_by(point)
            if later is not None:
                name, value = later
                span, line = span_of(point.span.path, value), point.span.start.line
                plan = FixPlan("dataflow", f"feed this {name}, as line {line} left it", changes_results=True)
                yield Discarded(
                    **seen.place(span, owner), expression=point.text, overwrites=(line, name), fix_plan=plan
                )


def _without_readers(seen: Seen) -> Iterator[tuple[Point, ModuleCall]]:
    """The expressions of the user's code whose results nothing in the trace reads, with the calls around them."""
    read = {node for node in seen.trace.graph.nodes if node.users or node.meta.get("in_place")}
    for node in seen.trace.graph.nodes:
        if node not in read and node.meta["activation"] and node.meta["point"] is not None and node.meta["inputs"]:
            yield node.meta["point"], seen.caller_at(node.meta["call"], node.meta["point"])
    for call, results in seen.trace.results.items():
        # What one of the user's own modules returns; as a statement, it may have run for its effects.
        unread = results and call.caller is not None and call.parent is not None and not read & set(results)
        if unread and call.caller is not None and not isinstance(statement_at(call.caller), ast.Expr):
            yield call.caller, seen.caller_at(call, call.caller)
