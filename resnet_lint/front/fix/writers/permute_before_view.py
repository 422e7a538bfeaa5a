"""Permutes the axes of a tensor before it is reshaped."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import PermuteBeforeView

from .. import patterns as m
from ..precedence import bracketed
from ..source_tree import Source, Sources
from . import Way


def write(plan: PermuteBeforeView, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`x.transpose(1, 2).reshape(b, t, c)` for `x.view(b, t, c)`; `torch.reshape(x.transpose(1, 2), (b, t, c))`."""
    for node in source.at(finding.span):
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
            continue
        if m.matches(node.func.value, m.Name("torch")):
            tensor = node.args[0].value
            yield Way([source.replaced(tensor, bracketed(source.code(tensor)) + plan.permutation)])
        else:
            code = bracketed(source.code(node.func.value))
            yield Way([source.replaced(node.func, f"{code}{plan.permutation}.reshape")])
        return
