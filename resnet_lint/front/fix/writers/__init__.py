"""Writes fix plans: one module with a function `write` per kind of plan; `resize_to_skip.py` writes `ResizeToSkip`.

A `Hint` has no writer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import FixPlan, Hint

from ..source_tree import Source, Sources, TextEdit


@dataclass(frozen=True)
class Way:
    """A candidate for a plan: unverified edits of one file; `title` is set if it differs from that of the plan.

    `completes`: the edits only pass on names that nothing reads. `adapts`: a failing layer takes what it gets, so that
    it and those after it give what they gave. `rebuilds`: blocks that are constructed later get other widths.
    `unclear`: another fix is as likely, so this one is unsafe. `keeps_widths`: only normalizations get other widths.
    """

    edits: list[TextEdit]
    title: str | None = None
    completes: bool = False
    adapts: bool = False
    rebuilds: bool = False
    unclear: bool = False
    keeps_widths: bool = False


def ways(plan: FixPlan, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """The candidate edits of `source` for the plan of a finding, best first; none for a hint."""
    if not isinstance(plan, Hint):
        module = re.sub(r"(?<!^)(?=[A-Z])", "_", type(plan).__name__).lower()
        yield from import_module(f".{module}", __name__).write(plan, finding, source, sources)
