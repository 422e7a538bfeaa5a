"""The graph of a trace as a Mermaid flowchart, which GitHub and many editors render."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.front.trace.drawing.boxes import Box, opened
from resnet_lint.front.trace.drawing.edges import Edge, edges_between
from resnet_lint.shared.records.model_trace import ModelTrace

from .. import TraceView
from ..shapes import shape_text

_SHAPES = {"input": ("([", "])"), "output": ("([", "])"), "join": ("((", "))")}
_ARROWS = {"main": "-->", "branch": "-->", "shortcut": "-.->"}


def report(trace: ModelTrace, view: TraceView) -> str:
    """A flowchart with a subgraph per open module."""
    root, depth = opened(trace, view.depth)
    edges = edges_between(root, depth, trace.flows)
    lines = ["flowchart TD", *_inside(root, depth), *(_edge(edge, view) for edge in edges)]
    faulty = [number for number, edge in enumerate(edges) if edge.target.fault is not None]
    lines.append("classDef fault fill:#fdeceb,stroke:#b3261e,color:#b3261e,stroke-width:2px")
    if faulty:
        lines.append(f"linkStyle {','.join(map(str, faulty))} stroke:#b3261e,stroke-width:2px")
    return "\n".join(lines) + "\n"


def _inside(box: Box, depth: int) -> Iterator[str]:
    for part in box.parts:
        if part.parts and depth > 1:
            yield f"subgraph s{part.id}[{_quoted(part.heading)}]"
            yield from _inside(part, depth - 1)
            yield "end"
        else:
            before, after = _SHAPES.get(part.sort, ("[", "]"))
            fault = ":::fault" if part.holds_fault else ""
            yield f"s{part.id}{before}{_quoted('<br/>'.join((part.heading, *part.texts)))}{after}{fault}"


def _edge(edge: Edge, view: TraceView) -> str:
    label = _quoted(shape_text(edge.tensor, view))
    return f"s{edge.source.id} {_ARROWS[edge.role]}|{label}| s{edge.target.id}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "#quot;") + '"'
