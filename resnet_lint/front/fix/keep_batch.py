"""Keeps the batch where a call drops it, or has its size written in."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from resnet_lint.shared.records.findings import Finding

from .source_tree import Source, Sources, TextEdit


def flattened(finding: Finding, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """`x.flatten(1)` in place of `x.squeeze()` and `x.view(16, -1)`; of `torch.squeeze(x)`, `torch.flatten(x, 1)`."""
    for node in source.at(finding.span):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            owner = source.code(node.func.value)
            given = f"{source.code(node.args[0].value)}, " if m.matches(node.func.value, m.Name("torch")) else ""
            yield [source.replaced(node, f"{owner}.flatten({given}1)")]
            return
