"""Flattens all but the batch before a linear layer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import FlattenInput

from .. import patterns as m
from ..file_style import Style
from ..source_tree import Source, Sources, TextEdit
from . import Way


def write(plan: FlattenInput, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`self.fc(torch.flatten(x, 1))` for `self.fc(x)`; inside a container, `nn.Flatten()` in front of the layer."""
    style = Style(source)
    if plan.at_call:
        call = source.call_at(finding.span)
        if call is not None and len(call.args) == 1 and call.args[0].star == "":
            given = call.args[0].value
            flattened = style.flattened(source.code(given), plan.start)
            title = plan.title.replace(f"torch.flatten(x, {plan.start})", style.flattened("x", plan.start))
            yield Way([source.replaced(given, flattened)], title)
        return
    step = sources.step(plan.layer, 0)
    if step is not None and step.source is source and _is_listed(step.call, source):
        start, _ = source.range_of(step.call)
        newline = source.module.default_newline + source.indent_of(step.call)
        alone = source.text[:start].endswith(newline)
        between = f",{newline}" if alone else ", "
        first = "" if plan.start == 1 else str(plan.start)
        title = f"add nn.Flatten({first}) in front of {plan.layer.name}"
        yield Way([TextEdit(start, start, f"{style.layer('Flatten')}({first}){between}"), *style.import_edits], title)


def _is_listed(layer: cst.Call, source: Source) -> bool:
    """Whether a layer is written as an element of a list, or as an argument of `nn.Sequential`."""
    around = next(source.above(layer), None)
    if isinstance(around, cst.Element):
        return True
    container = next((above for above in source.above(layer) if isinstance(above, cst.Call)), None)
    if container is None:
        return False
    sequential = m.Name("Sequential") | m.Attribute(attr=m.Name("Sequential"))
    return isinstance(around, cst.Arg) and around.keyword is None and m.matches(container, m.Call(func=sequential))
