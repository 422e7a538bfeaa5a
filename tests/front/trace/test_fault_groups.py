"""Faults are grouped by the finding that explains them."""

from __future__ import annotations

from resnet_lint.front.trace.report.fault_groups import fault_groups
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, SourceLine, TracedFault
from resnet_lint.shared.records.places import Cause, Operand, Position, Shape, Span

PLACE = SourceLine("net.py", 24)


def fault(step: int, line: int, *shapes: Shape) -> TracedFault:
    operands = tuple(Operand(role, shape) for role, shape in zip(("residual branch", "shortcut"), shapes, strict=True))
    return TracedFault(step, "sizes differ", operands, (Cause("net.py", line, "conv"),))


def trace(*faults: TracedFault) -> ModelTrace:
    adds = tuple(ForwardStep(n, "add", f"{n}.add", "add", "add", "", 0, (), (), PLACE) for n in (1, 2))
    root = ForwardStep(0, "", "", "Net", "", "", 0, (), (), parts=adds)
    return ModelTrace("net.py", "2", "Net()", root, (), faults=faults)


def test_one_finding_about_calls_with_different_causes_is_one_fault() -> None:
    first, second = fault(1, 19, (2, 64), (2, 32)), fault(2, 20, (2, 128), (2, 64))
    span = Span("net.py", Position(24, 9), Position(24, 14))
    finding = Finding("RL103", "", "error", "cannot add", span, operands=second.operands)
    [group] = fault_groups(trace(first, second), [finding])
    assert group.faults == (second, first), "the shapes of the message come first"
    assert [step.path for step in group.steps] == ["2.add", "1.add"]


def test_without_a_finding_the_causes_decide() -> None:
    first, second = fault(1, 19, (2, 64), (2, 32)), fault(2, 20, (2, 128), (2, 64))
    assert len(fault_groups(trace(first, second), [])) == 2
