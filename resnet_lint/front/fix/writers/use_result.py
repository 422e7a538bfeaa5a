"""Uses a discarded result."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import UseResult
from resnet_lint.shared.records.places import Span

from .. import patterns as m
from ..bound_names import names_bound_in
from ..source_tree import Source, Sources, TextEdit
from . import Way


def write(plan: UseResult, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Assign the result, or pass the overwritten value to the call."""
    yield from _result_assigned(finding.span, source)
    yield from _value_used(finding.span, source)


def _result_assigned(at: Span, source: Source) -> Iterator[Way]:
    """Assign the result of a statement to its first operand: `out = out.add(x)`."""
    for node in source.at(at):
        edit = assigned_to(node, source) if isinstance(node, cst.BaseExpression) else None
        if edit is not None:
            yield Way([edit])
            return


def assigned_to(expression: cst.BaseExpression, source: Source) -> TextEdit | None:
    """The edit that inserts `name = ` before an expression statement; None for other expressions."""
    function = source.function_around(expression)
    name = _worked_on(expression, names_bound_in(function)) if function is not None else None
    if name is None or not source.is_statement(expression):
        return None
    start, _ = source.range_of(expression)
    return TextEdit(start, start, f"{name} = ")


def _worked_on(expression: cst.BaseExpression, variables: set[str]) -> str | None:
    """The first operand of an operation: `out` in `out.add(x)`, `torch.add(out, x)` and `out + x`."""
    first: list[cst.BaseExpression] = []
    if isinstance(expression, cst.BinaryOperation):
        first = [expression.left]
    elif isinstance(expression, cst.Call):
        first = [argument.value for argument in expression.args[:1]]
        if isinstance(expression.func, cst.Attribute):
            first.insert(0, expression.func.value)
    return next((part.value for part in first if isinstance(part, cst.Name) and part.value in variables), None)


def _value_used(at: Span, source: Source) -> Iterator[Way]:
    """Pass the overwritten value of the variable to the call: `out = self.drop(out)` for `out = self.drop(x)`."""
    for value in source.at(at):
        parent = next(source.above(value), None)
        target = parent.targets[0].target if isinstance(parent, cst.Assign) else None
        read = _variables_read(value, source) if isinstance(target, cst.Name) else []
        if isinstance(target, cst.Name) and len(read) == 1:
            yield Way([source.replaced(read[0], target.value)])
            return


def _variables_read(expression: cst.CSTNode, source: Source) -> list[cst.CSTNode]:
    """The nodes at which an expression reads a parameter or local variable of its function."""
    function = source.function_around(expression)
    known = names_bound_in(function) if function is not None else set()
    names = [cst.ensure_type(variable, cst.Name) for variable in m.findall(expression, m.Name())]
    return [name for name in names if name.value in known and not _is_label(name, source)]


def _is_label(name: cst.Name, source: Source) -> bool:
    """Whether a name is an attribute or a keyword, and not a variable."""
    above = next(source.above(name), None)
    return (isinstance(above, cst.Attribute) and above.attr is name) or (
        isinstance(above, cst.Arg) and above.keyword is name
    )
