"""The trace as a self-contained HTML page: an interactive drawing, the faults with their fix, and the stages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resnet_lint.front.check.report.edited_lines import edited_lines
from resnet_lint.front.check.report.facts import offers, proofs
from resnet_lint.front.pages.diff import diff_lines
from resnet_lint.front.pages.render import render
from resnet_lint.front.report_text import one_line
from resnet_lint.front.trace.drawing.boxes import Box, box_of
from resnet_lint.front.trace.drawing.picture import LINE, PAD, ROW_GAP, Picture
from resnet_lint.front.trace.stages import Stage, stages
from resnet_lint.front.units import in_unit
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, SourceLine
from resnet_lint.shared.source_text import lines_of, shown

from .. import TraceView
from ..fault_groups import FaultGroup, fault_groups, module_around
from ..shapes import shapes_text
from ..text import contract_lines, endings, field_text, parameters_text, title, total_lines
from .svg import DEFINITIONS, draw, markup, style
from .table import HEADERS, row

_AROUND = 2  # lines of source shown before and after a line


def report(trace: ModelTrace, view: TraceView) -> str:
    """Render the page. Raises UsageError if jinja2 or igraph is not installed."""
    require("jinja2", extra="trace")
    drawn = draw(trace, view)
    boxes = _BoxOf(drawn.box)
    groups = fault_groups(trace, view.findings)
    return render(
        Path(__file__).with_name("page.html.j2"),
        title=title(trace),
        subtitle=f"{shown(trace.path, view.cwd)}, {parameters_text(trace.root)}, torch {trace.torch}",
        style=style(),
        definitions=DEFINITIONS,
        picture="".join(markup(drawn, everything=True)),
        width=round(drawn.width),
        height=round(drawn.height),
        measures={"line": LINE, "gap": ROW_GAP, "pad": PAD},
        steps={part.box.id: _facts(trace, part, view) for part in _all(drawn)},
        headers=[*HEADERS[:-1], "multiply-adds", "receptive field", HEADERS[-1]],
        stages=[(boxes.of_stage(stage), _row(stage, view)) for stage in stages(trace, view.depth or 1)],
        contract=list(contract_lines(trace)),
        costs=list(total_lines(trace)),
        faults=[_fault(group, boxes, view) for group in groups],
        stopped=list(endings(trace, view)),
    )


class _BoxOf:
    """Finds the box of the drawing that shows a step."""

    def __init__(self, root: Box) -> None:
        self._root = root

    def of_stage(self, stage: Stage) -> int:
        """The id of the box of the first step of a stage."""
        return self._of(stage.steps[0]).id

    def of_fault(self, step: ForwardStep) -> int:
        """The id of the box of a failing call; for a module that is not drawn, of the same call in its drawn copy."""
        box = self._of(step)
        while box.fault is None and (faulty := [part for part in box.parts if part.holds_fault]):
            box = faulty[0]
        return box.id

    def _of(self, step: ForwardStep) -> Box:
        return box_of(self._root, step)


def _fault(group: FaultGroup, boxes: _BoxOf, view: TraceView) -> dict[str, Any]:
    """One mistake: its message, operands and causes, the failing calls as links, and the fix."""
    fault, step = group.faults[0], group.steps[0]
    calls = [(boxes.of_fault(step), step.path) for step in group.steps]
    return {
        "rule": "" if group.finding is None else group.finding.rule,
        "message": one_line(group.message),
        "error": one_line(fault.error) if group.finding is not None else "",
        "where": "" if step.place is None else f"{shown(step.place.path, view.cwd)}:{step.place.line}",
        "operands": [(operand.role, str(operand.shape)) for operand in fault.operands],
        "causes": [(f"line {cause.line}", one_line(cause.text)) for cause in fault.causes],
        "calls": calls,
        "offers": [] if group.finding is None else [*map(": ".join, offers(group.finding)), *proofs(group.finding)],
        "diff": [] if group.finding is None else _diff(group.finding, view),
        "after": _after(group, view),
    }


def _after(group: FaultGroup, view: TraceView) -> dict[str, Any] | None:
    """The drawing of the failing module after the fix; None without a fix."""
    trace = next((trace for finding, trace in view.fixed if finding is group.finding), None)
    if trace is None:
        return None
    drawn = draw(trace, view, module_around(trace, group.steps[0]))
    return {"width": round(drawn.width), "height": round(drawn.height), "svg": "".join(markup(drawn, everything=False))}


def _diff(finding: Finding, view: TraceView) -> list[tuple[str, str]]:
    edits = finding.fix.edits if finding.fix is not None else ()
    before = lines_of(finding.span.path)
    return list(diff_lines(shown(finding.span.path, view.cwd), before, edited_lines(before, edits))) if edits else []


def _row(stage: Stage, view: TraceView) -> tuple[str, ...]:
    *cells, fault = row(stage, view)
    cost = in_unit(stage.multiply_adds, "") if stage.multiply_adds else ""
    return *cells, cost, field_text(stage.receptive_field or ()), fault


def _all(drawn: Picture) -> Iterator[Picture]:
    yield drawn
    for part in drawn.parts:
        yield from _all(part)


def _facts(trace: ModelTrace, drawn: Picture, view: TraceView) -> dict[str, Any]:
    """The details of a box, shown when it is selected."""
    box = drawn.box
    step = next(step for step in trace.root.walk() if step.id == box.id)
    places = [("called", box.place), ("constructed", step.built)]
    return {
        "name": box.path or title(trace),
        "kind": " ".join(filter(None, (step.kind, step.detail))),
        "shapes": _shapes(step, view),
        "facts": list(_figures(step)),
        "error": box.fault.error if box.fault is not None else None,
        "places": [{"what": what, **_source(place, view)} for what, place in places if place is not None],
    }


def _figures(step: ForwardStep) -> Iterator[str]:
    if step.parameters:
        yield parameters_text(step)
    if step.multiply_adds:
        yield f"{in_unit(step.multiply_adds, '')} multiply-adds per sample"
    if step.receptive_field is not None:
        yield f"receptive field of the output: {field_text(step.receptive_field)}"


def _shapes(step: ForwardStep, view: TraceView) -> str:
    sides = (shapes_text(tensors, view) for tensors in (step.inputs, step.outputs))
    return " \N{RIGHTWARDS ARROW} ".join(filter(None, sides))


def _source(place: SourceLine, view: TraceView) -> dict[str, Any]:
    lines = lines_of(place.path)
    first = max(1, place.line - _AROUND)
    code = [(number, lines[number - 1]) for number in range(first, min(len(lines), place.line + _AROUND) + 1)]
    return {"where": f"{shown(place.path, view.cwd)}:{place.line}", "line": place.line, "code": code}
