"""Projects a shortcut: with the projection of the caller, that of the block under a wider condition, or a new one.

New ones are written by `front/fix/add_projection.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import Change, Projection, ProjectShortcut

from ..add_projection import projections
from ..block_ends import unique
from ..own_shortcut import own_shortcut
from ..pass_shortcut import shortcut_passed
from ..projection_numbers import numbers_in
from ..source_tree import Source, Sources
from ..users_expressions import Scope
from ..widen_condition import conditions_widened
from . import Way
from .change_arguments import changed_arguments, edits_of

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
        kept = list(_width_kept(projection, addition, source, sources)) if addition is not None else []
        yield from kept
        for edits in projections(projection, finding.span, source, sources):
            yield Way(edits, unclear=bool(kept))


def _width_kept(p: Projection, addition: cst.CSTNode, source: Source, sources: Sources) -> Iterator[Way]:
    """Give the branch the width of its input, if the block has a name for that one and a number for the other.

    `Block(48)` runs with `nn.Conv2d(planes, 48, 1)`, and `Block(80)` does not: its width was meant to stay.
    """
    init = source.constructor_around(addition)
    numbers = numbers_in(Scope(init, source, sources), p) if init is not None else None
    ends = (numbers.channels_in.isdigit(), numbers.channels_out.isdigit()) if numbers is not None else ()
    if numbers is None or not p.conditional or p.axes == 0 or numbers.strides or ends != (False, True):
        return
    width, like = str(p.channels[0]), (p.branch[0], "in_channels")
    changes = [Change(p.branch[-1], "out_channels", width, *like)]
    changes += [Change(p.norm, "num_features", width, *like)] if p.norm is not None else []
    for written in changed_arguments(changes, source, sources):
        title = f"keep the width of the input: out_channels={written[0].value} on {p.branch[-1].name}"
        yield Way(edits_of(written), title)


def _others(plan: ProjectShortcut, source: Source, sources: Sources) -> list[Source]:
    """The other files with calls that constructed the failing block."""
    site = plan.projection.branch[0]
    steps = [sources.step(site, level) for level in range(len(site.calls))]
    return unique(step.source for step in steps if step is not None and step.source is not source)
