"""The drawing of a trace as SVG, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from resnet_lint.front.pages.render import colours
from resnet_lint.front.trace.drawing.boxes import Box, box_of, opened
from resnet_lint.front.trace.drawing.picture import LINE, PAD, XY, Picture, picture
from resnet_lint.front.trace.drawing.rows import Link, RowLayout
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, TracedTensor

from .. import TraceView
from ..shapes import shape_text
from ..text import title

_STYLE = """
.picture text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--ink); }
.picture .title { font-weight: 600; } .picture .line { fill: var(--soft); font-weight: 400; }
.picture rect { fill: var(--card); stroke: var(--line); }
.picture .group > .head > rect { fill: var(--paper); stroke: var(--frame); stroke-width: 1.5; }
.picture .closed > .head > rect { fill: var(--card); }
.picture .join > .head > rect { fill: var(--join); stroke: var(--skip); }
.picture .input > .head > rect, .picture .output > .head > rect { fill: var(--end); }
.picture .fault > .head > rect { fill: var(--bad-card); stroke: var(--bad); stroke-width: 2; }
.picture .holds-fault > .head > rect { stroke: var(--bad); }
.picture path { fill: none; stroke: var(--line); stroke-width: 1.5; }
.picture .shortcut { stroke: var(--skip); stroke-width: 2.5; }
.picture .to-fault { stroke: var(--bad); stroke-width: 2.5; }
.picture .label { fill: var(--soft); text-anchor: middle; paint-order: stroke; stroke: var(--paper); stroke-width: 5; }
.picture .label.to-fault { fill: var(--bad); stroke: var(--paper); stroke-width: 5; font-weight: 600; }
.picture .arrives { marker-end: url(#tip); } .picture #tip path { fill: var(--soft); stroke: none; }
"""

DEFINITIONS = (
    '<defs><marker id="tip" viewBox="0 0 8 6" refX="4" refY="6" markerWidth="8" markerHeight="6" '
    'markerUnits="userSpaceOnUse"><path d="M0 0 H8 L4 6 Z"/></marker></defs>'
)

_SIGNS = ("+", "\N{MINUS SIGN}")  # for a closed and an open box


def style() -> str:
    """The CSS of a drawing."""
    return colours() + _STYLE


def report(trace: ModelTrace, view: TraceView) -> str:
    """Render the drawing, open to the view's depth or a readable default; closed contents are left out."""
    return image(draw(trace, view), title(trace))


def image(drawn: Picture, title: str) -> str:
    """A self-contained SVG; closed contents are left out."""
    size = f'width="{drawn.width:.0f}" height="{drawn.height:.0f}" viewBox="0 0 {drawn.width:.0f} {drawn.height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" {size}>\n'
        f"<title>{escape(title)}</title>\n<style>{style()}</style>\n"
        f'{DEFINITIONS}<rect width="100%" height="100%" style="fill: var(--paper); stroke: none"/>\n'
        f"{''.join(markup(drawn, everything=False))}</svg>\n"
    )


def draw(trace: ModelTrace, view: TraceView, step: ForwardStep | None = None) -> Picture:
    """Lay out the drawing of a model, or of one step in it. Raises UsageError if igraph is not installed."""
    require("igraph", extra="trace")
    root, depth = opened(trace, view.depth)

    def label(tensor: TracedTensor) -> str:
        return shape_text(tensor, view)

    return picture(root if step is None else box_of(root, step), trace.flows, depth, label)


def markup(drawn: Picture, *, everything: bool, place: str = "") -> Iterator[str]:
    """The SVG of a box; `place` are its position attributes, `everything` includes closed contents and script data."""
    data, item, role = (*_for_script(drawn), ' role="group"') if everything else ("", "", "")
    yield f'<g class="box {" ".join(_classes(drawn))}"{place}{data}>'
    yield f'<g class="head"{item}>'
    left, width = drawn.span
    yield f'<rect x="{left:.1f}" width="{width:.1f}" height="{drawn.height:.1f}" rx="6"/>'
    opens = everything and bool(drawn.box.parts)
    sign = f'<tspan class="sign" aria-hidden="true">{_SIGNS[drawn.is_open]} </tspan>' if opens else ""
    kind = f' <tspan class="line" dx="7">{escape(drawn.box.kind)}</tspan>' if drawn.box.kind else ""
    yield f'<text class="title" x="{left + PAD:.1f}" y="{LINE:.0f}">{sign}{escape(drawn.title)}{kind}</text>'
    for number, text in enumerate(drawn.lines, 2):
        yield f'<text class="line" x="{left + PAD:.1f}" y="{LINE * number:.0f}">{escape(text)}</text>'
    if opens:  # a click here opens or closes the module, elsewhere it selects it
        yield f'<rect class="handle" x="{left:.1f}" width="{2.4 * PAD:.0f}" height="{LINE + PAD / 2:.0f}"/>'
    yield f"</g><title>{escape(_tip(drawn.box))}</title>"
    if drawn.inside is not None and (drawn.is_open or everything):
        yield f'<g class="inside"{role}>'
        yield from _inside(drawn, drawn.inside, everything)
        yield "</g>"
    yield "</g>\n"


def _for_script(drawn: Picture) -> tuple[str, str]:
    """Attributes with which the script opens and closes a box, and those of its head, an item of a tree."""
    box = drawn.box
    data = f' role="none" id="s{box.id}" data-id="{box.id}" data-head="{drawn.header:.1f}"'
    item = ' role="treeitem" tabindex="-1"'
    if drawn.inside is None:
        return data, item
    spans = " ".join(f"{length:.1f}" for length in (*drawn.closed_span, drawn.width))
    opened = f' aria-expanded="{str(drawn.is_open).lower()}"'
    return f'{data} data-rows="{drawn.inside.rows}" data-span="{spans}"', f"{item}{opened}"


def _inside(drawn: Picture, inside: RowLayout, everything: bool) -> Iterator[str]:
    for link in inside.links:
        corners = drawn.corners(link)
        start, end = link.start, link.end
        ends = (start.sort, corners[0][0], start.row, start.number, end.sort, corners[2][0], end.row)
        data = f' data-wire="{" ".join(map(str, ends))}"' if everything else ""
        yield f'<path class="{_role(drawn, link)}" d="{path(corners)}"{data}/>'
    faulty = {link.start for link in inside.links if _leads_to_fault(drawn, link)}
    for vertex in inside.vertices:
        x, y = drawn.left + vertex.x, drawn.tops[vertex.row]
        data = f' data-row="{vertex.row}"' if everything else ""
        if vertex.sort == "label":
            text = escape(drawn.labels[vertex.number])
            kind = "label to-fault" if vertex in faulty else "label"
            yield f'<text class="{kind}" x="{x:.1f}" y="{y + LINE - 4:.1f}"{data}>{text}</text>'
        elif vertex.sort == "part":
            part = drawn.parts[vertex.number]
            x -= part.extent[0]
            data += f' data-x="{x:.1f}" data-number="{vertex.number}"' if everything else ""
            place = f' transform="translate({x:.1f} {y:.1f})"{data}'
            yield from markup(part, everything=everything, place=place)


def path(points: Sequence[XY]) -> str:
    """The SVG path of a wire segment: down, across in a curve, and down."""
    (x, top), (_, bottom), (end_x, end), *rest = points
    middle = (bottom + end) / 2
    down = "".join(f" V{y:.1f}" for _, y in rest)
    return (
        f"M{x:.1f} {top:.1f} V{bottom:.1f} C{x:.1f} {middle:.1f} {end_x:.1f} {middle:.1f} {end_x:.1f} {end:.1f}{down}"
    )


def _role(drawn: Picture, link: Link) -> str:
    if _leads_to_fault(drawn, link):
        return "to-fault arrives"
    return f"{link.role} arrives" if link.end.sort == "part" else link.role


def _leads_to_fault(drawn: Picture, link: Link) -> bool:
    return link.end.sort == "part" and drawn.parts[link.end.number].box.fault is not None


def _classes(drawn: Picture) -> Iterator[str]:
    yield drawn.box.sort
    if drawn.box.parts:
        yield "open" if drawn.is_open else "closed"
    if drawn.box.fault is not None:
        yield "fault"
    elif drawn.box.holds_fault:
        yield "holds-fault"


def _tip(box: Box) -> str:
    place = f", line {box.place.line}" if box.place is not None else ""
    error = f"\n{box.fault.error}" if box.fault is not None else ""
    return f"{box.path or box.title}{place}{error}"
