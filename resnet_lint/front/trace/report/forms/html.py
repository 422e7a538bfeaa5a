"""The trace as a self-contained HTML page: an interactive drawing, the stages, and the faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resnet_lint.front.trace.drawing.picture import LINE, ROW_GAP, Picture
from resnet_lint.front.trace.stages import stages
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, SourceLine
from resnet_lint.shared.source_text import lines_of, shown

from .. import TraceView
from ..shapes import shapes_text
from ..text import contract_lines, title, troubles
from .svg import DEFINITIONS, STYLE, draw, markup
from .table import HEADERS, row

_AROUND = 2  # lines of source shown before and after a line


def report(trace: ModelTrace, view: TraceView) -> str:
    """Render the page. Raises UsageError if jinja2 or igraph is not installed."""
    require("jinja2", extra="trace")
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    drawn = draw(trace, view)
    return environment.get_template("page.html.j2").render(
        title=title(trace),
        subtitle=f"{shown(trace.path, view.cwd)}, {trace.root.parameters:,} parameters, torch {trace.torch}",
        style=STYLE,
        definitions=DEFINITIONS,
        picture="".join(markup(drawn, everything=True)),
        width=round(drawn.width),
        height=round(drawn.height),
        line=LINE,
        gap=ROW_GAP,
        steps={part.box.id: _facts(trace, part, view) for part in _all(drawn)},
        headers=HEADERS,
        stages=[row(stage, view) for stage in stages(trace, view.depth or 1)],
        contract=list(contract_lines(trace)),
        troubles=list(troubles(trace, view)),
    )


def _all(drawn: Picture) -> Iterator[Picture]:
    yield drawn
    for part in drawn.parts:
        yield from _all(part)


def _facts(trace: ModelTrace, drawn: Picture, view: TraceView) -> dict[str, Any]:
    """The details of a box, shown when it is clicked."""
    box = drawn.box
    step = next(step for step in trace.root.walk() if step.id == box.id)
    places = [("called", box.place), ("constructed", step.built)]
    return {
        "name": box.path or title(trace),
        "kind": " ".join(filter(None, (step.kind, step.detail))),
        "shapes": _shapes(step, view),
        "parameters": step.parameters,
        "error": box.fault.error if box.fault is not None else None,
        "places": [{"what": what, **_source(place, view)} for what, place in places if place is not None],
    }


def _shapes(step: ForwardStep, view: TraceView) -> str:
    sides = (shapes_text(tensors, view) for tensors in (step.inputs, step.outputs))
    return " \N{RIGHTWARDS ARROW} ".join(filter(None, sides))


def _source(place: SourceLine, view: TraceView) -> dict[str, Any]:
    lines = lines_of(place.path)
    first = max(1, place.line - _AROUND)
    code = [(number, lines[number - 1]) for number in range(first, min(len(lines), place.line + _AROUND) + 1)]
    return {"where": f"{shown(place.path, view.cwd)}:{place.line}", "line": place.line, "code": code}
