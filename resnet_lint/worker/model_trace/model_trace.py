"""From a request to the records of a trace: the worker's table of contents."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from resnet_lint.shared.records.contracts import Contract
from resnet_lint.shared.records.model_trace import ModelTrace, TracedFault
from resnet_lint.shared.records.requests import Request

from ..contracts.input_contract import contract_of
from ..explain.explain import explain
from ..process.limits import TimeUp
from ..sizes.failing_sizes import where_it_works
from ..symbolic.symbolic_trace import symbolic_trace
from .flows import flows_in, residual_additions
from .steps import step_tree
from .subject import Subject, find
from .tree import Tree


def model_trace(request: Request) -> ModelTrace:
    """The forward of the model that a request asks for. Raises UsageError where none can be found, built or fed."""
    subject = find(request)
    trace = subject.trace
    tree = Tree(subject)
    flows = flows_in(tree, subject)
    return ModelTrace(
        path=request.path,
        torch=torch.__version__,
        label=subject.label,
        root=step_tree(tree, flows, trace.root),
        flows=flows,
        additions=residual_additions(tree, trace.graph),
        faults=tuple(_faults(subject, tree)),
        within=subject.call.path or None,
        others=subject.others,
        stopped=trace.stop.reason if trace.stop is not None else None,
        unsymbolic=subject.unsymbolic,
        contract=_contract(subject),
    )


def _contract(subject: Subject) -> Contract | None:
    """What the whole model asks of its inputs; None for a part, and for a model that fails at all sizes."""
    if subject.call.path:
        return None
    try:
        with subject.clock.left():
            return _contract_within_time(subject)
    except TimeUp as error:
        return Contract((), (), 0, 0, subject.clock.why(error))


def _contract_within_time(subject: Subject) -> Contract | None:
    if subject.trace.trouble == (0, 0):
        return contract_of(subject.trace, subject.symbolic, subject.project)
    working = where_it_works(subject.trace, subject.project)
    return contract_of(working, symbolic_trace(working, subject.project), subject.project) if working else None


def _faults(subject: Subject, tree: Tree) -> Iterator[TracedFault]:
    for fault in subject.trace.all_faults:
        key = tree.leaf(fault.node)
        if key is not None:
            told = explain(fault, subject.trace, subject.project, subject.label)
            error = f"{told.layer}: {told.error}" if told.layer else told.error
            yield TracedFault(tree.ids[key], error, told.operands, told.causes)
