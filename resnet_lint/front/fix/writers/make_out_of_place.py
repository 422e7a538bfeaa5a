"""Replaces an in-place modification by an out-of-place operation, or copies the tensor first."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import MakeOutOfPlace
from resnet_lint.shared.records.places import Span

from .. import patterns as m
from ..precedence import PRODUCT, SIGN, bracketed
from ..source_tree import Source, Sources, TextEdit
from . import Way
from .change_arguments import changed_arguments, edits_of
from .use_result import assigned_to

_OPERATORS: dict[type[cst.BaseAugOp], str] = {
    cst.AddAssign: "+",
    cst.SubtractAssign: "-",
    cst.MultiplyAssign: "*",
    cst.DivideAssign: "/",
}


def write(plan: MakeOutOfPlace, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Create a new tensor instead of modifying one, or keep a copy of the modified tensor."""
    if isinstance(plan.modified_by, Span):
        yield from _made_out_of_place(plan.modified_by, source)
    else:
        yield from (Way(edits_of(way)) for way in changed_arguments((plan.modified_by,), source, sources))
    for edit in _copied(finding.span, source):
        yield Way([edit], "copy the tensor before it is modified: clone()")


def _made_out_of_place(at: Span, source: Source) -> Iterator[Way]:
    """Create a new tensor in `out += x`, `out.add_(x)` or `F.relu(x, inplace=True)`."""
    if at.path != source.path:
        return
    for node in source.at(at):
        if isinstance(node, cst.AugAssign) and isinstance(node.target, cst.Name | cst.Attribute):
            operator = _OPERATORS.get(type(node.operator))
            target, value = source.code(node.target), source.code(node.value)
            if operator is not None:
                value = bracketed(value, PRODUCT if operator in "+-" else SIGN)
                yield Way([source.replaced(node, f"{target} = {target} {operator} {value}")])
            return
        if isinstance(node, cst.Call):
            edits = list(_renamed(node, source)) or list(_told(node, source))
            statement = assigned_to(node, source)
            if edits and (statement is not None or not source.is_statement(node)):
                yield Way([*edits, *([statement] if statement is not None else [])])
            return


def _renamed(call: cst.Call, source: Source) -> Iterator[TextEdit]:
    """`x.add` for `x.add_`, `torch.relu` for `torch.relu_`."""
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if isinstance(name, cst.Name) and name.value.endswith("_"):
        yield source.replaced(name, name.value.removesuffix("_"))


def _told(call: cst.Call, source: Source) -> Iterator[TextEdit]:
    """`inplace=False` for `inplace=True`."""
    for argument in call.args:
        if m.matches(argument, m.Arg(m.Name("True"), keyword=m.Name("inplace"))):
            yield source.replaced(argument.value, "False")


def _copied(at: Span, source: Source) -> Iterator[TextEdit]:
    """The edit that copies the identity: `identity = x.clone()`."""
    node = next(iter(source.at(at)), None)
    function = source.function_around(node) if node is not None else None
    for assignment in m.findall(function, m.Assign()) if function is not None else ():
        assign = cst.ensure_type(assignment, cst.Assign)
        before = source.line_of(assign) < at.start.line
        if before and isinstance(assign.value, cst.Name) and m.matches(assign.targets[0].target, m.Name()):
            yield source.replaced(assign.value, f"{assign.value.value}.clone()")
