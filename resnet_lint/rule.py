"""What a rule is, and how rules are found: one file a rule, loaded by path."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

from .analysis import Analysis, Failure, SizeLimit
from .errors import UsageError
from .observed import Observed
from .records import Cause, Finding, Fix, Severity


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
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = "error"
    bad: ClassVar[Sequence[Case]]
    good: ClassVar[Sequence[Case]]

    @abstractmethod
    def check(self, analysis: Analysis) -> Iterable[Finding]:
        """Yield a finding for each mistake of this kind in one analysed file."""

    def finding(self, failure: Failure, message: str) -> Finding:
        """A failure as a finding of this rule; the mend goes along as a suggestion until it is verified."""
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
            Fix(failure.mend.title) if failure.mend is not None else None,
            failure.mend,
        )

    def limited(self, limit: SizeLimit) -> Finding:
        """A join that works for some sizes only: a warning of this rule.

        An addition behind an upsampling, as of a pyramid or an hourglass, takes what divides by design: it is told for
        information, and nothing is to be mended.
        """
        if limit.sizes.grows and limit.failure.kind == "addition":
            return replace(self.finding(replace(limit.failure, mend=None), limit.message), severity="info")
        return replace(self.finding(limit.failure, limit.message), severity="warning")

    def noted(
        self, observed: Observed, message: str, causes: tuple[Cause, ...] = (), *, advice: str | None = None
    ) -> Finding:
        """An observation as a finding of this rule; `advice` is the suggestion where no mend can be written."""
        title = observed.mend.title if observed.mend is not None else advice
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
            mend=observed.mend,
        )


def built_in_folder() -> Path:
    """The folder of the rules that ship with the tool: inside the package when installed, beside it in a checkout."""
    here = Path(__file__)
    inside = here.with_name("rules")
    return inside if inside.is_dir() else here.parents[1] / "rules"


def load_rules(folders: Sequence[str] = ()) -> tuple[Rule, ...]:
    """All rules, sorted by code: the built-in ones and those of the user's folders.

    Raises UsageError when a folder is missing, a file cannot be imported, or two rules share a code.
    """
    by_code: dict[str, Rule] = {}
    for folder in (built_in_folder(), *map(Path, folders)):
        for rule in _rules_in(folder):
            if rule.code in by_code:
                raise UsageError(f"{folder}: two rules have the code {rule.code}; give one another code")
            by_code[rule.code] = rule
    return tuple(by_code[code] for code in sorted(by_code))


@cache
def _rules_in(folder: Path) -> tuple[Rule, ...]:
    if not folder.is_dir():
        raise UsageError(f"no rule folder at {folder}; name a folder that holds rule files")
    return tuple(rule for file in sorted(folder.glob("*.py")) for rule in _rules_of(file))


def _rules_of(file: Path) -> Iterator[Rule]:
    # The folder is part of the name, so that equal file names in two folders do not clash.
    name = f"_resnet_lint_rules_{hashlib.sha1(str(file.parent.resolve()).encode()).hexdigest()[:8]}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UsageError(f"cannot load the rule file {file}: {type(error).__name__}: {error}") from error
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == name:
            yield value()
