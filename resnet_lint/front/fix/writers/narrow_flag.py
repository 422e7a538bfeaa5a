"""Restricts the flag of a block (`self.use_res = stride == 1`) to shapes that can be added."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import NarrowFlag

from ..addable import addable, is_true, narrowed
from ..bound_names import assignments, parameter_names
from ..source_tree import Source, Sources
from ..stated_flags import corrected_call
from ..substitute import names_in
from ..users_expressions import Scope
from . import Way


def write(plan: NarrowFlag, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Correct the call that states the flag, or add the missing conditions where it is set.

    If no condition is known to be enough, both are added.
    """
    node = next(iter(source.at(finding.span)), None)
    definition = source.class_around(node) if node is not None else None
    if definition is None:
        return
    value = _flag_value(definition, plan.flag)
    function = source.function_around(value) if value is not None else None
    if value is None or function is None or not plan.projection.branch:
        return
    if isinstance(value, cst.Name):
        for title, edit in corrected_call(value.value, function, plan.projection, source, sources):
            yield Way([edit], title)
    scope = Scope(function, source, sources)
    for conditions in addable(plan.projection, scope, always=is_true(value)):
        if not any(_is_set_later(name, value, function, source) for name in _names(conditions)):
            yield Way([source.replaced(value, narrowed(value, conditions, source))])


def _names(conditions: tuple[str, ...]) -> set[str]:
    return {name for condition in conditions for name in names_in(cst.parse_expression(condition))}


def _is_set_later(name: str, value: cst.BaseExpression, function: cst.FunctionDef, source: Source) -> bool:
    """Whether a function assigns a name only after the line of a value."""
    lines = [source.line_of(assigned) for target, assigned in assignments(function) if target == name]
    return name not in parameter_names(function) and bool(lines) and min(lines) >= source.line_of(value)


def _flag_value(definition: cst.ClassDef, flag: str) -> cst.BaseExpression | None:
    found: list[cst.BaseExpression] = []

    class Setters(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:
            target = node.targets[0].target
            if isinstance(target, cst.Attribute) and target.attr.value == flag:
                found.append(node.value)

    definition.visit(Setters())
    return found[0] if len(found) == 1 else None
