"""The drawing of the module whose call fails first."""

from __future__ import annotations

from resnet_lint.shared.records.model_trace import ModelTrace

from . import TraceView
from .fault_groups import module_around


def drawing_of_first_fault(trace: ModelTrace, view: TraceView) -> str:
    """The SVG of the module around the first mismatch; empty if there is none. Raises UsageError without igraph."""
    from .forms.svg import draw, image

    if not trace.faults:
        return ""
    first = next(step for step in trace.root.walk() if step.id == trace.faults[0].step)
    module = module_around(trace, first)
    return image(draw(trace, view, module), module.path or trace.label)
