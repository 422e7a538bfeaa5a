"""Rearranges the axes of one operand, so that each axis is combined with its own kind."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import RearrangeOperand

from ..precedence import bracketed
from ..source_tree import Source, Sources
from ..written_operands import operands_of
from . import Way


def write(plan: RearrangeOperand, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`h + self.fc(t)[:, :, None, None]` for `h + self.fc(t)`."""
    for node in source.at(finding.span):
        operands = operands_of(node)
        if len(operands) == 2:
            code = bracketed(source.code(operands[plan.operand]))
            yield Way([source.replaced(operands[plan.operand], code + plan.suffix)])
            return
