"""Reads a row per position from a table, where a size was the index of a single row."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import SliceTable

from ..source_tree import Source, Sources
from . import Way


def write(plan: SliceTable, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`table[:, :x.shape[1], :]` for `table[:, x.shape[1], :]`."""
    for node in source.at(finding.span):
        if isinstance(node, cst.Subscript) and plan.position < len(node.slice):
            part = node.slice[plan.position].slice
            if isinstance(part, cst.Index):
                yield Way([source.replaced(part, f":{source.code(part.value)}")])
            return
