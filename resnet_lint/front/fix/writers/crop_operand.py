"""Crops one operand of an addition or concatenation to the size of the other."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import CropOperand

from ..precedence import bracketed
from ..source_tree import Source, Sources
from ..written_operands import operands_of
from . import Way


def write(plan: CropOperand, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`skip[:, :, 4:-4, 4:-4]` for `skip`, or `out[..., : x.shape[-1]]` for `out`."""
    for node in source.at(finding.span):
        operands = operands_of(node)
        if len(operands) == 2:
            operand, other = operands[plan.operand], bracketed(source.code(operands[1 - plan.operand]))
            margins = ", ".join(f"{margin}:-{margin}" for margin in plan.margins)
            index = f":, :, {margins}" if margins else f"..., : {other}.shape[-1]"
            yield Way([source.replaced(operand, f"{bracketed(source.code(operand))}[{index}]")])
            return
