"""Projects a shortcut: with the projection of the caller, that of the block under a wider condition, or a new one.

New ones are written by `front/fix/add_projection.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import ProjectShortcut

from ..add_projection import projections
from ..pass_shortcut import shortcut_passed
from ..source_tree import Source, Sources
from ..widen_condition import conditions_widened
from . import Way

_PASSED = "pass the existing shortcut to the block, and store it"
_WIDENED = "widen the condition under which the shortcut is projected"


def write(plan: ProjectShortcut, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Pass an existing shortcut or widen its condition; add a projection to a block without one."""
    projection = plan.projection
    for edits in shortcut_passed(projection, finding.span, source, sources):
        yield Way(edits, _PASSED)
    for edits in conditions_widened(projection, source, sources):
        yield Way(edits, _WIDENED)
    yield from map(Way, projections(projection, finding.span, source, sources))
