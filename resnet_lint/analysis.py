"""What the rules read: everything that is known of one file, in plain records. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .records import Cause, ClassStatus, Finding, Fix, Mend, Operand, Severity, Span
from .rule import Rule

if TYPE_CHECKING:
    from .model.explore import Traced

FailureKind = Literal["addition", "concatenation", "layer", "shrunk", "other"]
Difference = Literal["rank", "batch", "channels", "size"]
ProblemKind = Literal["unreadable", "import", "build", "trace"]


@dataclass(frozen=True)
class Problem:
    """Why a file, or one class of it, could not be looked at; `help` is what would make it possible."""

    kind: ProblemKind
    span: Span
    reason: str
    module: str | None = None
    help: str | None = None


@dataclass(frozen=True)
class Failure:
    """A call that fails for certain, proved by a trace.

    `error` is what torch says when the call runs for real. `differs` names what is unlike in the operands, for
    additions and concatenations. `condition` says for which constructor arguments it fails, where it works for others.
    """

    kind: FailureKind
    span: Span
    error: str
    module: str
    module_path: str
    target: str
    operands: tuple[Operand, ...]
    differs: frozenset[Difference] = frozenset()
    causes: tuple[Cause, ...] = ()
    mend: Mend | None = None
    condition: str | None = None
    layer: str | None = None

    def addition_message(self, differing: str) -> str:
        """The message for a failing addition: what differs, and the two shapes."""
        (first, second) = self.operands
        operands = f"{first.role} {first.shape} and {second.role} {second.shape}"
        return f"this addition cannot work: {operands} differ in {differing}"

    def finding(self, rule: Rule, message: str, severity: Severity | None = None) -> Finding:
        """This failure as a finding of `rule`."""
        return Finding(
            rule.code,
            rule.name,
            severity or rule.severity,
            message,
            self.span,
            self.module,
            (self.module_path,) if self.module_path else (),
            self.target,
            self.operands,
            self.causes,
            Fix(self.mend.title) if self.mend is not None else None,
            self.mend,
        )


@dataclass(frozen=True)
class Analysis:
    """One file: what kept it from being looked at, what failed in its traces, and the traces themselves."""

    path: str
    problems: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    traced: tuple[Traced, ...] = ()

    def failed_additions(self, differs: frozenset[Difference]) -> Iterator[Failure]:
        """The additions that fail whatever the arguments, whose operands differ in just this."""
        for failure in self.failures:
            if failure.kind == "addition" and failure.condition is None and failure.differs == differs:
                yield failure

    @classmethod
    def unreadable(cls, path: str, span: Span, reason: str) -> Analysis:
        """The analysis of a file that is no Python source."""
        return cls(path, problems=(Problem("unreadable", span, reason),))


def check(analysis: Analysis, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """All findings of the rules on one file, in the order of the file; one finding a fault, with all its places."""
    return merged([finding for rule in rules for finding in rule.check(analysis)])


# The rules that say the same of a failing addition with more or less detail: the fullest one speaks for all places.
_ONE_FAMILY = {"RL101": "addition", "RL102": "addition", "RL103": "addition", "RL106": "addition"}
_FULLEST_FIRST = ("RL103", "RL101", "RL102", "RL106")


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings about the same expression as one that lists all places, sorted by place."""
    groups: dict[tuple[Span, str], list[Finding]] = {}
    for finding in findings:
        family = _ONE_FAMILY.get(finding.rule, finding.rule)
        key = family if finding.rule not in ("RL003", "RL004") else f"{finding.rule} {finding.module}"
        groups.setdefault((finding.span, key), []).append(finding)
    return tuple(sorted((_joined(group) for group in groups.values()), key=lambda f: (f.span, f.rule)))


def _joined(group: Sequence[Finding]) -> Finding:
    def fullness(finding: Finding) -> int:
        return _FULLEST_FIRST.index(finding.rule) if finding.rule in _FULLEST_FIRST else 0

    fullest = min(group, key=fullness)
    own = [path for finding in group if finding.target == fullest.target for path in finding.module_paths]
    # The shapes shown are those of the first place named.
    paths = dict.fromkeys([*fullest.module_paths, *own])
    return replace(fullest, module_paths=tuple(paths))
