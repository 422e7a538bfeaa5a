"""One input on its way through the stages: output shapes and numbers of values."""

from __future__ import annotations

import math

from tabulate import tabulate

from resnet_lint.front.trace.stages import Stage, stages
from resnet_lint.shared.records.model_trace import ModelTrace

from .. import TraceView
from ..text import out_text, page


def report(trace: ModelTrace, view: TraceView) -> str:
    """Render the stages as a numbered list."""
    rows = [
        (f"{stage.number}.", stage.operation, out_text(stage, view), f"{_values(stage):,} values")
        for stage in stages(trace, view.depth or 1)
    ]
    aligned = ("right", "left", "left", "right")
    return page(trace, view, tabulate(rows, tablefmt="plain", colalign=aligned, disable_numparse=True))


def _values(stage: Stage) -> int:
    return sum(math.prod(tensor.shape[1:]) for tensor in stage.outputs)
