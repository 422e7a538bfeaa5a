"""Turns the `bad` and `good` cases of rules into tests, for built-in and custom rules.

A complete pytest file for the rules in the folder `my_rules`:

    import pytest

    from resnet_lint.testing import cases_in
    from resnet_lint.front.workers.worker_client import WorkerClient

    @pytest.fixture(scope="session")
    def workers():
        with WorkerClient() as workers:
            yield workers

    @pytest.mark.parametrize("case", cases_in("my_rules"), ids=str)
    def test_case(case, tmp_path, workers):
        case.check(tmp_path, workers)

In the code of a bad case, a comment marks each line with a finding:

    return x + self.conv(x)  # <- XX101

This module imports neither torch nor pytest; `check` raises AssertionError.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .front.check.pipeline import check as run_pipeline
from .front.options.settings import Settings
from .front.workers.analyser import Analyser
from .rule import Case, Rule
from .rule_loader import built_in_folder, load_rules
from .shared.records.findings import Finding

_MARK = re.compile(r"# <- (\w+)\s*$")

# The code of a rule and a line number.
Place = tuple[str, int]


@dataclass(frozen=True)
class RuleCase:
    """A case of a rule as a test. `folder` is the folder of the rule, None for built-in rules."""

    rule: Rule
    case: Case
    bad: bool
    folder: Path | None = None

    def __str__(self) -> str:
        return f"{self.rule.code} {'bad' if self.bad else 'good'}: {self.case.name}"

    def check(self, folder: Path, workers: Analyser) -> tuple[Finding, ...]:
        """Check the case as a file in `folder`, and return the findings of its rule. Raises AssertionError.

        Bad case: the findings of its rule must cover exactly the marked lines, and errors of other rules about models
        must be marked. Good case: there must be no findings of its rule and no errors.
        """
        found = self.findings(folder, workers)
        if self.bad:
            self._check_bad(found)
        else:
            self._check_good(found)
        return tuple(finding for finding in found if finding.rule == self.rule.code)

    def findings(self, folder: Path, workers: Analyser) -> tuple[Finding, ...]:
        """All findings in the case, as on the command line. Raises AssertionError after an internal error."""
        file = folder / "model.py"
        file.write_text(self.case.text, encoding="utf-8")
        rules = (self.folder,) if self.folder is not None else ()
        settings = Settings(folder, call=self.case.call, input=self.case.inputs, rules=rules)
        run = run_pipeline([str(file)], settings, workers, cwd=folder)
        assert not run.faults, "\n".join((str(self), *run.faults))
        return run.findings

    def _check_bad(self, found: Iterable[Finding]) -> None:
        marked = set(_marked(self.case.text))
        own = {line for code, line in marked if code == self.rule.code}
        assert own, self._text(f"no line of its code ends with `# <- {self.rule.code}`", found)
        covered = {line for finding in found if finding.rule == self.rule.code for line in finding.span.lines}
        assert covered == own, self._text(f"found on lines {_listed(covered)}, marked on {_listed(own)}", found)
        others = [finding for finding in found if _is_error_about_models(finding) and finding.rule != self.rule.code]
        unmarked = [finding for finding in others if not marked & {(finding.rule, line) for line in finding.span.lines}]
        assert not unmarked, self._text("errors of other rules are not marked", unmarked)

    def _check_good(self, found: Iterable[Finding]) -> None:
        own = [finding for finding in found if finding.rule == self.rule.code]
        assert not own, self._text(f"{self.rule.code} flags its good case", own)
        errors = [finding for finding in found if finding.severity == "error"]
        assert not errors, self._text("a good case has errors", errors)

    def _text(self, what: str, found: Iterable[Finding]) -> str:
        listed = "".join(f"\n  line {f.span.start.line}: {f.rule} {f.message}" for f in found) or " none"
        numbered = "".join(f"\n  {number:2} {line}" for number, line in enumerate(self.case.text.splitlines(), 1))
        return f"{self}: {what}\nfindings:{listed}\ncode:{numbered}"


def cases_in(folder: str | Path | None = None) -> list[RuleCase]:
    """All cases of the rules in a folder, or of the built-in rules. Raises the same errors as `load_rules`."""
    place = built_in_folder() if folder is None else Path(folder).resolve()
    rules = load_rules() if folder is None else load_rules([str(place)])
    return [case for rule in rules if _folder_of(rule) == place.resolve() for case in cases_of(rule)]


def cases_of(rule: Rule) -> list[RuleCase]:
    """All cases of one rule, bad ones first."""
    folder = _folder_of(rule)
    own = None if folder == built_in_folder().resolve() else folder
    return [RuleCase(rule, case, bad, own) for bad in (True, False) for case in (rule.bad if bad else rule.good)]


def _folder_of(rule: Rule) -> Path:
    return Path(inspect.getfile(type(rule))).resolve().parent


def _marked(code: str) -> Iterator[Place]:
    for number, line in enumerate(code.splitlines(), 1):
        if match := _MARK.search(line):
            yield match[1], number


def _is_error_about_models(finding: Finding) -> bool:
    return finding.severity == "error" and finding.traits.about == "model"


def _listed(lines: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(lines))) or "none"
