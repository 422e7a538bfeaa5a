"""Projects a shortcut: with the projection of the caller, that of the block under a wider condition, or a new one.

New ones are written by `front/fix/add_projection.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import ProjectShortcut

from ..add_projection import projections
from ..block_ends import unique
from ..own_shortcut import own_shortcut
from ..pass_shortcut import shortcut_passed
from ..source_tree import Source, Sources
from ..widen_condition import conditions_widened
from . import Way

_PASSED = "pass the existing shortcut to the block, and store it"
_WIDENED = "widen the condition under which the shortcut is projected"


def write(plan: ProjectShortcut, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Pass an existing shortcut or widen its condition; add a projection to a block without one.

    If the block is in another file than the condition, its own file is not changed.
    """
    projection, is_own = plan.projection, finding.span.path == source.path
    for edits in shortcut_passed(projection, finding.span, source, sources) if is_own else ():
        yield Way(edits, _PASSED)
    addition = next(iter(source.at(finding.span)), None) if is_own else None
    own = own_shortcut(addition, projection.operand, source) if addition is not None else None
    for edits in conditions_widened(projection, source, sources, own):
        yield Way(edits, _WIDENED)
    others = _others(plan, source, sources)
    if is_own and not any(True for other in others for _ in conditions_widened(projection, other, sources)):
        yield from map(Way, projections(projection, finding.span, source, sources))


def _others(plan: ProjectShortcut, source: Source, sources: Sources) -> list[Source]:
    """The other files with calls that constructed the failing block."""
    site = plan.projection.branch[0]
    steps = [sources.step(site, level) for level in range(len(site.calls))]
    return unique(step.source for step in steps if step is not None and step.source is not source)
