"""Preserves the batch dimension in a call that drops it or hard-codes its size."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import KeepBatch

from .. import patterns as m
from ..source_tree import Source, Sources
from . import Way


def write(plan: KeepBatch, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Replace `x.squeeze()` and `x.view(16, -1)` by `x.flatten(1)`, and `torch.squeeze(x)` by `torch.flatten(x, 1)`."""
    for node in source.at(finding.span):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            owner = source.code(node.func.value)
            given = f"{source.code(node.args[0].value)}, " if m.matches(node.func.value, m.Name("torch")) else ""
            yield Way([source.replaced(node, f"{owner}.flatten({given}1)")])
            return
