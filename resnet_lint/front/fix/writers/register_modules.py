"""Registers modules that are in a plain list, tuple or dict."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import RegisterModules

from .. import patterns as m
from ..file_style import Style
from ..precedence import CHOICE, bracketed
from ..source_tree import Source, Sources
from . import Way


def write(plan: RegisterModules, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Convert the attribute to an nn.ModuleList or nn.ModuleDict wherever the class sets it."""
    attribute = m.Attribute(m.Name("self"), m.Name(plan.attribute))
    setters = m.Assign(targets=[m.AssignTarget(attribute)]) | m.AnnAssign(attribute)
    style = Style(source)
    edits = []
    for definition in m.findall(source.module, m.ClassDef(m.Name(finding.module or ""))):
        for setter in m.findall(definition, setters):
            value = setter.value if isinstance(setter, cst.Assign | cst.AnnAssign) else None
            if value is not None:
                edits.append(source.replaced(value, _wrapped(value, style, source)))
    if edits:
        yield Way([*edits, *style.import_edits])


def _wrapped(value: cst.BaseExpression, style: Style, source: Source) -> str:
    kind = "ModuleDict" if isinstance(value, cst.Dict | cst.DictComp) else "ModuleList"
    empty = isinstance(value, cst.List | cst.Dict) and not value.elements
    return f"{style.layer(kind)}({'' if empty else bracketed(source.code(value), CHOICE)})"
