"""Groups the faults of a trace by cause, and joins each group with the finding of the check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, TracedFault
from resnet_lint.shared.records.places import Operand, Shape


@dataclass(frozen=True)
class FaultGroup:
    """One mistake, in one or several calls: the faults of a finding, or those with their causes on the same lines.

    `steps` are the failing calls. `finding` is the finding of the check about them, None if there is none. The first
    fault has the shapes that its message names.
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
    found: dict[object, Finding | None] = {}
    for fault in trace.faults:
        finding = _finding(fault, step_of[fault.step], findings)
        key = _cause(fault, step_of[fault.step]) if finding is None else id(finding)
        groups.setdefault(key, []).append(fault)
        found[key] = finding
    return [_group(faults, found[key], step_of) for key, faults in groups.items()]


def module_around(trace: ModelTrace, step: ForwardStep) -> ForwardStep:
    """The call of the module in whose forward() a step is."""
    path = step.path.rpartition(".")[0]
    return next((outer for outer in trace.root.walk() if outer.parts and outer.path == path), trace.root)


def _group(faults: list[TracedFault], finding: Finding | None, step_of: Mapping[int, ForwardStep]) -> FaultGroup:
    if finding is not None:
        faults = sorted(faults, key=lambda fault: _shapes(fault.operands) != _shapes(finding.operands))
    return FaultGroup(tuple(faults), tuple(step_of[fault.step] for fault in faults), finding)


def _shapes(operands: Sequence[Operand]) -> list[Shape]:
    return [operand.shape for operand in operands]


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
    same = [finding for finding in on_line if _shapes(finding.operands) == _shapes(fault.operands)]
    return next(iter(same), on_line[0] if len(on_line) == 1 else None)
