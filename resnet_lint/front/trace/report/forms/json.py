"""The trace as JSON; its schema is schema.json in the parent folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from resnet_lint import __version__
from resnet_lint.front.trace.stages import Stage, stages
from resnet_lint.shared.records.gradients import Gradients
from resnet_lint.shared.records.model_trace import Flow, ForwardStep, ModelTrace, SourceLine, TracedFault, TracedTensor
from resnet_lint.shared.source_text import shown

from .. import TraceView

VERSION = 1


def report(trace: ModelTrace, view: TraceView) -> str:
    """The complete trace; only the stages depend on the view's depth."""
    fields = {
        "version": VERSION,
        "tool": {"name": "resnet-lint", "version": __version__, "torch": trace.torch},
        "path": shown(trace.path, view.cwd),
        "target": trace.label,
        "module_path": trace.within,
        "others": trace.others,
        "stages": [_stage(stage) for stage in stages(trace, view.depth or 1)],
        "model": _step(trace.root, view),
        "flows": [_flow(flow) for flow in trace.flows],
        "residual_additions": trace.additions,
        "faults": [_fault(fault, view) for fault in trace.faults],
        "stopped": trace.stopped,
        "unsymbolic": trace.unsymbolic,
        "contract": None if trace.contract is None else asdict(trace.contract),
        "memory": None if trace.memory is None else asdict(trace.memory),
        "gradients": None if trace.gradients is None else _gradients(trace.gradients),
    }
    return json.dumps(fields, indent=2) + "\n"


def _gradients(gradients: Gradients) -> dict[str, Any]:
    return {**asdict(gradients), "find_unused_parameters": gradients.find_unused_parameters}


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "number": stage.number,
        "name": stage.name,
        "operation": stage.operation,
        "in": list(map(_tensor, stage.inputs)),
        "out": list(map(_tensor, stage.outputs)),
        "parameters": stage.parameters,
        "multiply_adds": stage.multiply_adds,
        "receptive_field": stage.receptive_field,
        "steps": [step.id for step in stage.steps],
        "faulty": stage.is_faulty,
    }


def _step(step: ForwardStep, view: TraceView) -> dict[str, Any]:
    return {
        "id": step.id,
        "name": step.name,
        "path": step.path,
        "kind": step.kind,
        "operation": step.operation,
        "detail": step.detail,
        "parameters": step.parameters,
        "trainable": step.trainable,
        "multiply_adds": step.multiply_adds,
        "receptive_field": step.receptive_field,
        "in": list(map(_tensor, step.inputs)),
        "out": list(map(_tensor, step.outputs)),
        "called": _place(step.place, view),
        "built": _place(step.built, view),
        "parts": [_step(part, view) for part in step.parts],
    }


def _place(place: SourceLine | None, view: TraceView) -> dict[str, Any] | None:
    return None if place is None else {"path": shown(place.path, view.cwd), "line": place.line}


def _flow(flow: Flow) -> dict[str, Any]:
    return {"source": flow.source, "target": flow.target, **_tensor(flow.tensor), "role": flow.role}


def _tensor(tensor: TracedTensor) -> dict[str, Any]:
    return {"shape": tensor.shape, "symbolic": tensor.symbolic}


def _fault(fault: TracedFault, view: TraceView) -> dict[str, Any]:
    return {
        "step": fault.step,
        "error": fault.error,
        "operands": [{"role": operand.role, "shape": operand.shape} for operand in fault.operands],
        "causes": [{**asdict(cause), "path": shown(cause.path, view.cwd)} for cause in fault.causes],
    }
