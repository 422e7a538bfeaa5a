"""Resizes an upsampled map to the size of the skip connection before the addition or concatenation."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import ResizeToSkip

from ..file_style import Style
from ..precedence import bracketed
from ..source_tree import Source, Sources, TextEdit
from ..written_operands import operands_of
from . import Way


def write(plan: ResizeToSkip, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Give an interpolation a size instead of a factor, or interpolate any other operand."""
    node = next(iter(source.at(finding.span)), None)
    operands = operands_of(node) if node is not None else []
    if node is None or len(operands) != 2:
        return
    operand, skip = operands[plan.operand], operands[1 - plan.operand]
    axes = len(finding.operands[0].shape) - 2
    size = f"{bracketed(source.code(skip))}.shape[-{axes}:]"
    yield from _by_size(operand, size, node, source)
    style = Style(source)
    call = f"{style.interpolate}({source.code(operand)}, size={size})"
    if isinstance(operand, cst.Name):
        statement = source.statement_around(node)
        if statement is not None:
            yield Way([source.lines_before(statement, [f"{operand.value} = {call}"]), *style.import_edits])
    else:
        yield Way([source.replaced(operand, call), *style.import_edits])


def _by_size(operand: cst.BaseExpression, size: str, node: cst.CSTNode, source: Source) -> Iterator[Way]:
    """Convert an interpolation by a factor to one to a size."""
    call = operand
    if isinstance(operand, cst.Name):
        function = source.function_around(node)
        assigned = _last_assigned(operand.value, function, node, source) if function is not None else None
        call = assigned if assigned is not None else operand
    if isinstance(call, cst.Call) and _name(call.func) in ("interpolate", "upsample"):
        for argument in call.args:
            if argument.keyword is not None and argument.keyword.value == "scale_factor":
                start, end = source.range_of(argument)
                yield Way([TextEdit(start, end, f"size={size}")])


def _name(callee: cst.BaseExpression) -> str:
    return callee.attr.value if isinstance(callee, cst.Attribute) else str(getattr(callee, "value", ""))


def _last_assigned(
    name: str, function: cst.FunctionDef, node: cst.CSTNode, source: Source
) -> cst.BaseExpression | None:
    """The last value assigned to a name before a node."""
    found: list[cst.BaseExpression] = []
    limit = source.line_of(node)

    class Assignments(cst.CSTVisitor):
        def visit_Assign(self, assign: cst.Assign) -> None:
            target = assign.targets[0].target
            if isinstance(target, cst.Name) and target.value == name and source.line_of(assign) < limit:
                found.append(assign.value)

    function.body.visit(Assignments())
    return found[-1] if found else None
