"""What the reports on the terminal share: the head, what does not fit, and the closing line."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.front.report_text import count, one_line
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, TracedFault
from resnet_lint.shared.source_text import shown

from ..stages import Stage
from . import TraceView
from .shapes import shapes_text

_MOST_OTHERS = 5


def page(trace: ModelTrace, view: TraceView, body: str) -> str:
    """A report around its body; a quiet one is the body, and what does not fit."""
    wrong = "\n".join(troubles(trace, view))
    if view.quiet:
        blocks = [body, wrong]
    else:
        blocks = [_head(trace, view), body, "\n".join(contract_lines(trace)), wrong, _closing(trace)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _head(trace: ModelTrace, view: TraceView) -> str:
    head = f"{shown(trace.path, view.cwd)}: {title(trace)}"
    if not trace.others:
        return head
    others = ", ".join(map(one_line, trace.others[:_MOST_OTHERS]))
    return f"{head}\nother models of this file: {others}; --call names the one to trace"


def title(trace: ModelTrace) -> str:
    """What was traced: the source that builds it, and the place of the part that is shown."""
    label = one_line(trace.label)
    return f"{trace.root.kind} at {trace.within} in {label}" if trace.within else label


def out_text(stage: Stage, view: TraceView) -> str:
    """What a stage gives: its shapes, or the classes that the model tells apart."""
    if stage.classes is not None and view.form == "hwc":
        return f"{stage.classes} classes"
    return shapes_text(stage.outputs, view)


def contract_lines(trace: ModelTrace) -> Iterator[str]:
    """Which inputs the model takes, a line each; none where nobody found out."""
    contract = trace.contract
    if contract is None:
        return
    for each in contract.inputs:
        yield f"takes {each.name}: ({', '.join(each.sizes)}{',' * (len(each.sizes) == 1)}), {each.dtype}"
    for condition in contract.conditions:
        sides = ", ".join([f"{at} works" for at in condition.works] + [f"{at} fails" for at in condition.fails])
        yield f"where {condition.text}" + (f" ({sides})" if sides else "")
    if contract.doubt is not None:
        known = "this may not be all" if contract.inputs else "which sizes it takes is not known"
        yield f"{known}: {one_line(contract.doubt)}"


def troubles(trace: ModelTrace, view: TraceView) -> Iterator[str]:
    """What does not fit, and what ended the trace, a line each."""
    steps = {step.id: step for step in trace.root.walk()}
    for fault in trace.faults:
        yield from _told(fault, steps[fault.step], view)
    if trace.stopped is not None:
        yield f"the trace ends early: {one_line(trace.stopped)}"
    if view.symbolic and trace.unsymbolic is not None:
        yield f"the shapes are those of one run, as the trace with symbols ended early: {one_line(trace.unsymbolic)}"


def _told(fault: TracedFault, step: ForwardStep, view: TraceView) -> Iterator[str]:
    place = f"{shown(step.place.path, view.cwd)}:{step.place.line}: " if step.place is not None else ""
    yield f"FAULT: {place}{step.path}: {one_line(fault.error)}"
    yield from (f"  = {operand.role} {operand.shape}" for operand in fault.operands)
    yield from (f"  = cause, line {cause.line}: {one_line(cause.text)}" for cause in fault.causes)


def _closing(trace: ModelTrace) -> str:
    found = f"{count(len(trace.faults), 'fault')}; " if trace.faults else ""
    return f"{found}{trace.root.parameters:,} parameters; torch {trace.torch}"
