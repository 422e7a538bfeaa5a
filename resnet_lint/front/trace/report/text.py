"""Parts shared by the text reports: the header, the faults, and the closing line."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.front.report_text import count, one_line
from resnet_lint.front.units import in_unit
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, TracedFault, TrainingMemory
from resnet_lint.shared.source_text import shown

from ..stages import Stage, stages
from . import TraceView
from .shapes import shapes_text

_MOST_OTHERS = 5


def page(trace: ModelTrace, view: TraceView, body: str) -> str:
    """A report with this body; if the view is quiet, only the body and the faults."""
    faults = "\n".join(troubles(trace, view))
    if view.quiet:
        blocks = [body, faults]
    else:
        blocks = [
            _header(trace, view),
            body,
            "\n".join(contract_lines(trace)),
            "\n".join(cost_lines(trace)),
            "\n".join(gradient_lines(trace)),
            faults,
            _closing(trace),
        ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _header(trace: ModelTrace, view: TraceView) -> str:
    head = f"{shown(trace.path, view.cwd)}: {title(trace)}"
    if not trace.others:
        return head
    others = ", ".join(map(one_line, trace.others[:_MOST_OTHERS]))
    return f"{head}\nother models in this file: {others}; select one with --call"


def title(trace: ModelTrace) -> str:
    """The traced model: the expression that constructs it, and the shown submodule."""
    label = one_line(trace.label)
    return f"{trace.root.kind} at {trace.within} in {label}" if trace.within else label


def out_text(stage: Stage, view: TraceView) -> str:
    """The output shapes of a stage, or its number of classes."""
    if stage.classes is not None and view.form == "hwc":
        return f"{stage.classes} classes"
    return shapes_text(stage.outputs, view)


def contract_lines(trace: ModelTrace) -> Iterator[str]:
    """The input contract, one line per input and condition."""
    contract = trace.contract
    if contract is None:
        return
    for tensor in contract.inputs:
        yield f"takes {tensor.name}: ({', '.join(tensor.sizes)}{',' * (len(tensor.sizes) == 1)}), {tensor.dtype}"
    for condition in contract.conditions:
        does = ["mixes samples" if size in condition.mixes else "fails" for size in condition.fails]
        failing = [f"{size} {verb}" for size, verb in zip(condition.fails, does, strict=True)]
        sides = ", ".join([*(f"{size} works" for size in condition.works), *failing])
        yield f"where {condition.text}" + (f" ({sides})" if sides else "")
    if contract.doubt is not None:
        known = "the input contract may be incomplete" if contract.inputs else "unknown input contract"
        yield f"{known}: {one_line(contract.doubt)}"


def cost_lines(trace: ModelTrace) -> Iterator[str]:
    """The multiply-adds, the memory of a training step, and the receptive fields of the stages."""
    yield from total_lines(trace)
    fields = [f"{stage.name} {field_text(field)}" for stage in stages(trace) if (field := stage.receptive_field)]
    if fields:
        yield f"receptive fields: {', '.join(fields)}"


def total_lines(trace: ModelTrace) -> Iterator[str]:
    """The multiply-adds of the model, and the memory of a training step."""
    root, memory = trace.root, trace.memory
    if root.multiply_adds:
        yield f"multiply-adds per sample: {in_unit(root.multiply_adds, '')}"
    if memory is not None and memory.doubt is not None:
        yield f"memory of a training step: unknown, {one_line(memory.doubt)}"
    elif memory is not None:
        yield f"memory of a training step, {memory_text(memory)}"


def memory_text(memory: TrainingMemory) -> str:
    """The peak of a forecast, and its parts."""
    parts = ("weights", "gradients", "optimizer_state", "activations")
    sizes = (f"{name.replace('_', ' ')} {in_unit(getattr(memory, name), 'B')}" for name in parts)
    return f"AdamW, batch size {memory.batch}: {in_unit(memory.peak, 'B')} at its peak ({', '.join(sizes)})"


def field_text(field: tuple[int, ...]) -> str:
    """A receptive field as rows x columns."""
    return " x ".join(map(str, field))


def gradient_lines(trace: ModelTrace) -> Iterator[str]:
    """The parameters that do not get a gradient in every training step, and what this means for DDP."""
    gradients = trace.gradients
    if gradients is None:
        return
    if gradients.doubt is not None:
        yield f"gradients are unknown: {one_line(gradients.doubt)}"
        return
    yield f"gradients: {len(gradients.always)} of {len(gradients.parameters)} parameters get one in every training step"
    names: dict[str, list[str]] = {}
    for parameter in gradients.parameters:
        names.setdefault(gradients.when(parameter), []).append(parameter.name)
    for when, own in names.items():
        if when != "always":
            yield f"  {when}: {', '.join(own)}"
    if gradients.find_unused_parameters:
        yield "DistributedDataParallel needs find_unused_parameters=True for this model"


def troubles(trace: ModelTrace, view: TraceView) -> Iterator[str]:
    """The faults, and the reasons if a trace ended early, as lines."""
    steps = {step.id: step for step in trace.root.walk()}
    for fault in trace.faults:
        yield from _fault_lines(fault, steps[fault.step], view)
    yield from endings(trace, view)


def endings(trace: ModelTrace, view: TraceView) -> Iterator[str]:
    """The reasons why the trace, or the symbolic one, ended early."""
    if trace.stopped is not None:
        yield f"the trace ended early: {one_line(trace.stopped)}"
    if view.symbolic and trace.unsymbolic is not None:
        yield f"shapes are concrete, because the symbolic trace ended early: {one_line(trace.unsymbolic)}"


def _fault_lines(fault: TracedFault, step: ForwardStep, view: TraceView) -> Iterator[str]:
    place = f"{shown(step.place.path, view.cwd)}:{step.place.line}: " if step.place is not None else ""
    yield f"FAULT: {place}{step.path}: {one_line(fault.error)}"
    yield from (f"  = {operand.role} {operand.shape}" for operand in fault.operands)
    yield from (f"  = cause, line {cause.line}: {one_line(cause.text)}" for cause in fault.causes)


def _closing(trace: ModelTrace) -> str:
    faults = f"{count(len(trace.faults), 'fault')}; " if trace.faults else ""
    return f"{faults}{parameters_text(trace.root)}; torch {trace.torch}"


def parameters_text(step: ForwardStep) -> str:
    """The number of parameters, and of the trainable ones if some are frozen."""
    frozen = "" if step.trainable == step.parameters else f", {step.trainable:,} trainable"
    return f"{step.parameters:,} parameters{frozen}"
