"""What the rules read: everything that is known of one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..shared.evidence import Difference, Failure, Problem, SizeLimit
from ..shared.records.places import Span
from ..shared.records.reports import ClassStatus
from .model import Model


@dataclass(frozen=True)
class Analysis:
    """One file: the problems that kept it from being checked, the failures in its traces, and the complete models."""

    path: str
    problems: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    size_limits: tuple[SizeLimit, ...] = ()
    models: tuple[Model, ...] = ()

    def failed_additions(self, differs: frozenset[Difference]) -> Iterator[Failure]:
        """The additions that fail whatever the arguments, whose operands differ in just this."""
        for failure in self.failures:
            if failure.kind == "addition" and failure.condition is None and failure.differs == differs:
                yield failure

    @classmethod
    def unreadable(cls, path: str, span: Span, reason: str) -> Analysis:
        """The analysis of a file that is no Python source."""
        return cls(path, problems=(Problem("unreadable", span, reason),))
