"""Groups the faults of a trace by cause, and joins each group with the finding of the check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, TracedFault


@dataclass(frozen=True)
class FaultGroup:
    """Faults on one line of source with their causes on the same lines: one mistake, in one or several calls.

    `steps` are the failing calls. `finding` is the finding of the check about the first of them, None if there is none.
    """

    faults: tuple[TracedFault, ...]
    steps: tuple[ForwardStep, ...]
    finding: Finding | None

    @property
    def message(self) -> str:
        """The message of the finding, or torch's error."""
        return self.faults[0].error if self.finding is None else self.finding.message


def fault_groups(trace: ModelTrace, findings: Sequence[Finding]) -> list[FaultGroup]:
    """The groups, in the order of their first failing calls."""
    step_of = {step.id: step for step in trace.root.walk()}
    groups: dict[object, list[TracedFault]] = {}
    for fault in trace.faults:
        groups.setdefault(_cause(fault, step_of[fault.step]), []).append(fault)
    return [
        FaultGroup(tuple(faults), steps, _finding(faults[0], steps[0], findings))
        for faults in groups.values()
        for steps in [tuple(step_of[fault.step] for fault in faults)]
    ]


def _cause(fault: TracedFault, step: ForwardStep) -> object:
    roles = tuple(operand.role for operand in fault.operands)
    return step.place, step.operation, roles, tuple((cause.path, cause.line) for cause in fault.causes)


def _finding(fault: TracedFault, step: ForwardStep, findings: Sequence[Finding]) -> Finding | None:
    """The finding with the operands of a fault, or the only one on its line."""
    place = step.place
    if place is None:
        return None
    on_line = [
        finding
        for finding in findings
        if finding.span.path == place.path and finding.span.start.line <= place.line <= finding.span.end.line
    ]
    shapes = [operand.shape for operand in fault.operands]
    same = [finding for finding in on_line if [operand.shape for operand in finding.operands] == shapes]
    return next(iter(same), on_line[0] if len(on_line) == 1 else None)
