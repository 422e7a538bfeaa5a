"""Replaces a layer of a model from a library after the statement that constructs the model."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import ReplaceLayer

from .. import patterns as m
from ..file_style import Style
from ..source_tree import Source, Sources
from . import Way


def write(plan: ReplaceLayer, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`model.conv1 = nn.Conv2d(1, 64, ...)` after `model = resnet18()`, or the same for an attribute of self."""
    call = source.call_at(plan.model) if plan.model.path == source.path else None
    statement = source.statement_around(call) if call is not None else None
    if call is None or statement is None or len(statement.body) != 1:
        return
    assign = statement.body[0]
    target = assign.targets[0].target if isinstance(assign, cst.Assign) and len(assign.targets) == 1 else None
    named = target is not None and m.matches(target, m.Name() | m.Attribute(m.Name("self")))
    if isinstance(assign, cst.Assign) and target is not None and named and _is_model(assign.value, call):
        style = Style(source)
        layer = re.sub(r"\.(\d+)", r"[\1]", f"{source.code(target)}.{plan.layer}")
        lines = [f"{layer} = {style.layer(plan.sort)}({plan.arguments})"]
        yield Way([source.lines_after(statement, lines), *style.import_edits])


def _is_model(value: cst.BaseExpression, call: cst.Call) -> bool:
    """Whether a value is the model that a call constructs, or the same model elsewhere: `resnet18().to(device)`."""
    while value is not call:
        moved = m.Call(m.Attribute(attr=m.Name("to") | m.Name("cuda") | m.Name("eval") | m.Name("train")))
        if not m.matches(value, moved):
            return False
        value = cst.ensure_type(cst.ensure_type(value, cst.Call).func, cst.Attribute).value
    return True
