"""Narrows the flag of a block (`self.use_res = stride == 1`) to the shapes that its addition can take."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding

from .source_tree import Source, Sources, TextEdit
from .users_expressions import Scope


def narrowed(finding: Finding, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The edit that adds the missing condition where the flag is set, not verified."""
    fix_plan = finding.fix_plan
    node = next(iter(source.at(finding.span)), None)
    definition = source.class_around(node) if node is not None else None
    if fix_plan is None or fix_plan.attribute is None or fix_plan.projection is None or definition is None:
        return
    value = _flag_value(definition, fix_plan.attribute)
    function = source.function_around(value) if value is not None else None
    if value is None or function is None or not fix_plan.projection.branch:
        return
    scope = Scope(function, source, sources)
    first, last = fix_plan.projection.branch[0], fix_plan.projection.branch[-1]
    ends = [scope.argument(first, "in_channels"), scope.argument(last, "out_channels")]
    strided = [site for site in fix_plan.projection.branch if site.stride and max(site.stride) > 1]
    stride = scope.argument(strided[0], "stride") if strided else None
    conditions = []
    if stride is not None and max(fix_plan.projection.stride, default=1) > 1:
        conditions.append(f"{stride} == 1")
    if None not in ends and fix_plan.projection.channels[0] != fix_plan.projection.channels[1]:
        conditions.append(f"{ends[0]} == {ends[1]}")
    if conditions:
        code = source.code(value)
        loose = isinstance(value, (cst.BooleanOperation, cst.IfExp, cst.Lambda)) and " and " not in code
        yield [source.replaced(value, " and ".join([f"({code})" if loose else code, *conditions]))]


def _flag_value(definition: cst.ClassDef, flag: str) -> cst.BaseExpression | None:
    found: list[cst.BaseExpression] = []

    class Setters(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:
            target = node.targets[0].target
            if isinstance(target, cst.Attribute) and target.attr.value == flag:
                found.append(node.value)

    definition.visit(Setters())
    return found[0] if len(found) == 1 else None
