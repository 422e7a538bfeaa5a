"""How fix plans are written into source: a module for each kind of plan, with a function `write`, named as the kind is.

`ResizeToSkip` is written by `resize_to_skip.py`. A hint is for a person to write.
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
    """One way to write a plan: edits of one file, not verified; `title` where they do not do what the plan's says."""

    edits: list[TextEdit]
    title: str | None = None


def ways(plan: FixPlan, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """The ways to write the plan of a finding into `source`, the best one first; none for a hint."""
    if not isinstance(plan, Hint):
        module = re.sub(r"(?<!^)(?=[A-Z])", "_", type(plan).__name__).lower()
        yield from import_module(f".{module}", __name__).write(plan, finding, source, sources)
