"""Passes a result that nothing reads to the expression that fails without it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import PassUnread

from ..bound_names import names_bound_in
from ..source_tree import Source, Sources
from ..substitute import reads_of
from . import Way


def write(plan: PassUnread, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`self.output(h, x)` for `self.output(x, x)`: in place of each variable of the expression in turn."""
    expression = next((node for node in source.at(finding.span) if isinstance(node, cst.BaseExpression)), None)
    function = source.function_around(expression) if expression is not None else None
    if expression is None or function is None:
        return
    variables = [read.node for read in reads_of(expression) if read.node.value in names_bound_in(function)]
    for name in plan.names:
        for variable in variables:
            if variable.value != name:
                title = f"pass {name}, which is never read, in place of {variable.value}"
                yield Way([source.replaced(variable, name)], title)
