"""The graph of a trace in Graphviz's DOT language."""

from __future__ import annotations

import json
from collections.abc import Iterator

from resnet_lint.front.trace.drawing.boxes import Box, opened
from resnet_lint.front.trace.drawing.edges import Edge, edges_between
from resnet_lint.shared.records.model_trace import ModelTrace

from .. import TraceView
from ..shapes import shape_text
from ..text import title

_RED = ' color="#b3261e", fontcolor="#b3261e", penwidth=2'


def report(trace: ModelTrace, view: TraceView) -> str:
    """A directed graph with a cluster per open module."""
    root, depth = opened(trace, view.depth)
    lines = [
        f"digraph {_quoted(title(trace))} {{",
        'node [shape=box, style=rounded, fontname="monospace"]',
        'edge [fontname="monospace"]',
        *_inside(root, depth),
        *(_edge(edge, view) for edge in edges_between(root, depth, trace.flows)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _inside(box: Box, depth: int) -> Iterator[str]:
    for part in box.parts:
        if part.parts and depth > 1:
            yield f"subgraph cluster_{part.id} {{ label={_quoted(part.heading)}; fontname=monospace"
            yield from _inside(part, depth - 1)
            yield "}"
        else:
            text = _quoted("\n".join((part.heading, *part.texts)))
            yield f"s{part.id} [label={text}{',' + _RED if part.holds_fault else ''}]"


def _edge(edge: Edge, view: TraceView) -> str:
    style = ", style=bold, color=blue" if edge.role == "shortcut" else ""
    if edge.target.fault is not None:
        style = f",{_RED}"
    return f"s{edge.source.id} -> s{edge.target.id} [label={_quoted(shape_text(edge.tensor, view))}{style}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
