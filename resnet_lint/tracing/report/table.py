"""The table of the stages on the terminal."""

from __future__ import annotations

from tabulate import tabulate

from ..records import ModelTrace
from ..stages import Stage, stages
from . import View
from .shapes import shapes_text
from .text import out_text, page

_UNITS = {"hwc": "rows x columns x channels", "nchw": "as torch has it"}


def report(trace: ModelTrace, view: View) -> str:
    """The table of stages."""
    rows = [_row(stage, view) for stage in stages(trace, view.depth)]
    headers = ["stage", "module", "operation", "in", f"out ({_UNITS[view.form]})", "parameters", ""]
    aligned = ("right", "left", "left", "left", "left", "right", "left")
    return page(trace, view, tabulate(rows, headers, colalign=aligned, disable_numparse=True))


def _row(stage: Stage, view: View) -> tuple[str, ...]:
    return (
        str(stage.number),
        stage.name,
        stage.operation,
        shapes_text(stage.takes, view.form),
        out_text(stage, view),
        f"{stage.parameters:,}" if stage.parameters else "",
        "FAULT" if stage.is_faulty else "",
    )
