"""Passes the shortcut through the existing module of the block."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import UseShortcut

from ..add_projection import sent_through
from ..source_tree import Source, Sources
from . import Way


def write(plan: UseShortcut, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Replace `x` by `self.shortcut(x)`, then by the same unless the module is None."""
    addition = next(iter(source.at(plan.addition)), None)
    if addition is None:
        return
    for optional in (False, True):
        edit = sent_through(plan.module, addition, plan.operand, source, optional)
        if edit is not None:
            yield Way([edit])
