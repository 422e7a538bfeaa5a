"""Restricts the flag of a block (`self.use_res = stride == 1`) to shapes that can be added."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import NarrowFlag

from ..precedence import AND, COMPARISON, bracketed
from ..source_tree import Source, Sources
from ..users_expressions import Scope
from . import Way


def write(plan: NarrowFlag, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Add the missing condition where the flag is set."""
    node = next(iter(source.at(finding.span)), None)
    definition = source.class_around(node) if node is not None else None
    if definition is None:
        return
    value = _flag_value(definition, plan.flag)
    function = source.function_around(value) if value is not None else None
    if value is None or function is None or not plan.projection.branch:
        return
    scope = Scope(function, source, sources)
    first, last = plan.projection.branch[0], plan.projection.branch[-1]
    found = (scope.argument(first, "in_channels"), scope.argument(last, "out_channels"))
    ends = [end for end in found if end is not None]
    strided = [site for site in plan.projection.branch if site.stride and max(site.stride) > 1]
    stride = scope.argument(strided[0], "stride") if strided else None
    conditions = []
    if stride is not None and max(plan.projection.stride, default=1) > 1:
        conditions.append(f"{bracketed(stride, COMPARISON + 1)} == 1")
    if len(ends) == 2 and plan.projection.channels[0] != plan.projection.channels[1]:
        conditions.append(" == ".join(bracketed(end, COMPARISON + 1) for end in ends))
    if conditions:
        yield Way([source.replaced(value, " and ".join([bracketed(source.code(value), AND), *conditions]))])


def _flag_value(definition: cst.ClassDef, flag: str) -> cst.BaseExpression | None:
    found: list[cst.BaseExpression] = []

    class Setters(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:
            target = node.targets[0].target
            if isinstance(target, cst.Attribute) and target.attr.value == flag:
                found.append(node.value)

    definition.visit(Setters())
    return found[0] if len(found) == 1 else None
