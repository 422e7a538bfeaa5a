"""The analysis of a file, which rules read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..shared.evidence import Difference, Failure, LossCall, Problem, SizeLimit
from ..shared.records.places import Span
from ..shared.records.reports import ClassStatus
from .model import Model


@dataclass(frozen=True)
class Analysis:
    """The analysis of a file: problems that prevented a check, failures in traces, models that run, and the losses of
    the script.
    """

    path: str
    problems: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    size_limits: tuple[SizeLimit, ...] = ()
    models: tuple[Model, ...] = ()
    losses: tuple[LossCall, ...] = ()

    def failed_additions(self, differs: frozenset[Difference]) -> Iterator[Failure]:
        """The additions that fail for all arguments and whose operands differ in exactly these properties."""
        for failure in self.failures:
            if failure.kind == "addition" and failure.condition is None and failure.differs == differs:
                yield failure

    @classmethod
    def unreadable(cls, path: str, span: Span, reason: str) -> Analysis:
        """The analysis of a file that is not valid Python."""
        return cls(path, problems=(Problem("unreadable", span, reason),))
