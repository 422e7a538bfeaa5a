"""Traces the requested model and turns the result into records: the entry point of this package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch

from resnet_lint.shared.records.contracts import Contract
from resnet_lint.shared.records.model_trace import ModelTrace, TracedFault
from resnet_lint.shared.records.requests import TraceRequest

from ..contracts.input_contract import contract_of
from ..explain.explain import explain
from ..process.limits import TimeUp
from ..sizes.failing_sizes import where_it_works
from ..symbolic.symbolic_trace import symbolic_trace
from ..torch_quirks.absent_environment import environment_made_up
from .flows import flows_in, residual_additions
from .forward_to_show import ForwardToShow, find_forward
from .gradients import gradients_of
from .multiply_adds import multiply_adds
from .steps import step_tree
from .training_memory import batch_of, training_memory
from .tree import Tree


def model_trace(request: TraceRequest) -> ModelTrace:
    """Trace the requested model. Raises UsageError if no model can be found, constructed or given inputs."""
    with environment_made_up():
        forward = find_forward(request)
        records = records_of(forward, request.path)
        if not request.gradients:
            return records
        return replace(records, gradients=gradients_of(forward.trace, forward.call.path, forward.clock))


def records_of(forward: ForwardToShow, path: str) -> ModelTrace:
    """A forward of a model of the file `path` as records."""
    trace = forward.trace
    tree = Tree(forward)
    flows = flows_in(tree, forward)
    return ModelTrace(
        path=path,
        torch=torch.__version__,
        label=forward.label,
        root=step_tree(tree, flows, trace, _costs(forward)),
        flows=flows,
        additions=residual_additions(tree, trace.nodes),
        faults=tuple(_faults(forward, tree)),
        within=forward.call.path or None,
        others=forward.others,
        stopped=trace.stop.reason if trace.stop is not None else None,
        unsymbolic=forward.unsymbolic,
        contract=_contract(forward),
        memory=None if forward.call.path else training_memory(trace, forward.clock),
    )


def _costs(forward: ForwardToShow) -> Mapping[str, int]:
    """The multiply-adds of nodes by name, for one sample; nothing if the time is up."""
    try:
        with forward.clock.left():
            counts = multiply_adds(forward.trace)
    except TimeUp:
        return {}
    batch = batch_of(forward.trace)
    return {name: count // batch for name, count in counts.items()}


def _contract(forward: ForwardToShow) -> Contract | None:
    """The input contract of a whole model; None for a submodule and for a model that fails at every size."""
    if forward.call.path:
        return None
    try:
        with forward.clock.left():
            return _contract_within_time(forward)
    except TimeUp as error:
        return Contract((), (), 0, 0, forward.clock.why(error))


def _contract_within_time(forward: ForwardToShow) -> Contract | None:
    if forward.trace.trouble == (0, 0):
        return contract_of(forward.trace, forward.symbolic)
    working = where_it_works(forward.trace)
    return contract_of(working, symbolic_trace(working)) if working else None


def _faults(forward: ForwardToShow, tree: Tree) -> Iterator[TracedFault]:
    for fault in forward.trace.all_faults:
        key = tree.leaf(fault.node)
        if key is not None:
            explanation = explain(fault, forward.trace, forward.label)
            error = f"{explanation.layer}: {explanation.error}" if explanation.layer else explanation.error
            yield TracedFault(tree.ids[key], error, explanation.operands, explanation.causes)
