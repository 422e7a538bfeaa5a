"""What a rule is: its documentation, its cases, and what it finds in an analysed file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from .shared.evidence import Analysis, Failure, SizeLimit
from .shared.observed import Observed
from .shared.records.findings import Finding, Fix, Severity
from .shared.records.places import Cause


@dataclass(frozen=True)
class Case:
    """A small model file that shows a rule at work.

    In a bad case, the line that the finding must cover ends with the comment `# <- CODE`. `name` says in a few words
    what the case is about. `call` and `inputs` are given as on the command line, for files that say nothing themselves.
    """

    name: str
    code: str
    call: str | None = None
    inputs: tuple[str, ...] = ()


class Rule(ABC):
    """One kind of mistake. The docstring of a subclass is its documentation, under fixed headings:

    What it does, Why is this bad, Example, Use instead, and (where one exists) Fix safety.

    `fixable`: of some findings, `--fix` can write a verified fix.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = "error"
    fixable: ClassVar[bool] = False
    bad: ClassVar[Sequence[Case]]
    good: ClassVar[Sequence[Case]]

    @abstractmethod
    def check(self, analysis: Analysis) -> Iterable[Finding]:
        """Yield a finding for each mistake of this kind in one analysed file."""

    def finding(self, failure: Failure, message: str) -> Finding:
        """A failure as a finding of this rule; the fix goes along as a suggestion until it is verified."""
        return Finding(
            self.code,
            self.name,
            self.severity,
            message,
            failure.span,
            failure.module,
            (failure.module_path,) if failure.module_path else (),
            failure.target,
            failure.operands,
            failure.causes,
            Fix(failure.fix_plan.title) if failure.fix_plan is not None else None,
            failure.fix_plan,
        )

    def limited(self, limit: SizeLimit) -> Finding:
        """A join that works for some sizes only: a warning of this rule.

        An addition behind an upsampling, as of a pyramid or an hourglass, takes what divides by design: it is told for
        information, and nothing is to be fixed.
        """
        if limit.sizes.grows and limit.failure.kind == "addition":
            return replace(self.finding(replace(limit.failure, fix_plan=None), limit.message), severity="info")
        return replace(self.finding(limit.failure, limit.message), severity="warning")

    def noted(
        self, observed: Observed, message: str, causes: tuple[Cause, ...] = (), *, advice: str | None = None
    ) -> Finding:
        """An observation as a finding of this rule; `advice` is the suggestion where no fix can be written."""
        title = observed.fix_plan.title if observed.fix_plan is not None else advice
        return Finding(
            self.code,
            self.name,
            self.severity,
            message,
            observed.span,
            observed.module,
            (observed.module_path,) if observed.module_path else (),
            observed.target,
            causes=causes,
            fix=Fix(title) if title is not None else None,
            fix_plan=observed.fix_plan,
        )
