"""The stages as a table."""

from __future__ import annotations

from tabulate import tabulate

from resnet_lint.front.trace.stages import Stage, stages
from resnet_lint.shared.records.model_trace import ModelTrace

from .. import TraceView
from ..shapes import shapes_text
from ..text import out_text, page

HEADERS = ("stage", "module", "operation", "in", "out", "parameters", "")
_UNITS = {"hwc": "rows x columns x channels", "nchw": "as torch prints it"}


def report(trace: ModelTrace, view: TraceView) -> str:
    """Render the table of stages."""
    rows = [row(stage, view) for stage in stages(trace, view.depth or 1)]
    headers = [f"{name} ({_UNITS[view.form]})" if name == "out" else name for name in HEADERS]
    aligned = ("right", "left", "left", "left", "left", "right", "left")
    return page(trace, view, tabulate(rows, headers, colalign=aligned, disable_numparse=True))


def row(stage: Stage, view: TraceView) -> tuple[str, ...]:
    """The cells of the row of a stage."""
    return (
        str(stage.number),
        stage.name,
        stage.operation,
        shapes_text(stage.inputs, view),
        out_text(stage, view),
        f"{stage.parameters:,}" if stage.parameters else "",
        "FAULT" if stage.is_faulty else "",
    )
