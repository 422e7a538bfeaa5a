"""Puts a result to use that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..records import Finding
from .names import names_bound_in
from .source import Source, Sources, TextEdit


def result_assigned(finding: Finding, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The edit that assigns a statement's result to the variable that it works on: `out = out.add(x)`."""
    for node in source.at(finding.span):
        edit = assigned_to(node, source) if isinstance(node, cst.BaseExpression) else None
        if edit is not None:
            yield [edit]
            return


def assigned_to(expression: cst.BaseExpression, source: Source) -> TextEdit | None:
    """The edit that puts `name = ` in front of an expression that is a statement; None for any other."""
    function = source.function_around(expression)
    name = _worked_on(expression, names_bound_in(function)) if function is not None else None
    if name is None or not source.is_statement(expression):
        return None
    start, _ = source.range_of(expression)
    return TextEdit(start, start, f"{name} = ")


def _worked_on(expression: cst.BaseExpression, variables: set[str]) -> str | None:
    """The variable that an operation is about: `out` in `out.add(x)`, `torch.add(out, x)` and `out + x`."""
    first: list[cst.BaseExpression] = []
    if isinstance(expression, cst.BinaryOperation):
        first = [expression.left]
    elif isinstance(expression, cst.Call):
        first = [argument.value for argument in expression.args[:1]]
        if isinstance(expression.func, cst.Attribute):
            first.insert(0, expression.func.value)
    return next((each.value for each in first if isinstance(each, cst.Name) and each.value in variables), None)


def value_used(finding: Finding, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The edit that feeds a call what its variable held so far: `out = self.drop(out)` for `out = self.drop(x)`."""
    for node in source.at(finding.span):
        parent = next(source.above(node), None)
        if not isinstance(node, cst.Call) or not isinstance(parent, cst.Assign):
            continue
        target = parent.targets[0].target
        names = [argument.value for argument in node.args if isinstance(argument.value, cst.Name)]
        if isinstance(target, cst.Name) and len(names) == 1:
            yield [source.replaced(names[0], target.value)]
            return
