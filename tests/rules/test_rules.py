"""Each rule does what its cases promise, and says what its documentation has to say."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.rule import Case, Rule
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.records.findings import Finding
from resnet_lint.testing import RuleCase, cases_in

RULES = load_rules()
HEADINGS = ("What it does:", "Why is this bad:", "Example:", "Use instead:")

OWN_RULE = '''
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.rule import Case, Rule

class Mine(Rule):
    """What it does: flags whatever it is told to."""

    code = "XX900"
    name = "mine"
    bad = (Case("bad", """
        from torch import nn
        class Bad(nn.Module):  # <- XX900
            def forward(self, x):
                return x
    """),)
    good = (Case("good", """
        from torch import nn
        class Good(nn.Module):
            def forward(self, x):
                return x
    """),)

    def check(self, analysis):
        for each in analysis.classes:
            if each.name in {flagged!r}:
                span = Span(each.path, Position({line}, 1), Position({line}, 9))
                yield Finding(self.code, self.name, "warning", "flagged", span)
'''

WIDENING = """
    import torch
    from torch import nn
    class Bad(nn.Module):  # <- XX900
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 16, 1)
        def forward(self, x):
            out = self.conv(x)
            return out + x
    if __name__ == "__main__":
        Bad()(torch.randn(1, 8, 4, 4))
"""


@pytest.mark.parametrize("case", cases_in(), ids=str)
def test_case(case: RuleCase, tmp_path: Path, workers: WorkerClient, snapshot: SnapshotAssertion) -> None:
    found = case.check(tmp_path, workers)
    assert case.rule.fixable or not any(finding.fix and finding.fix.edits for finding in found)
    if case.bad:
        assert "\n".join(map(said, found)) == snapshot


def said(finding: Finding) -> str:
    """The sentences of a finding, a line each."""
    causes = [f"line {cause.line}: {cause.text}" for cause in finding.causes]
    fix_plan = [f"fix: {finding.fix.title}"] if finding.fix is not None else []
    text = "\n".join([finding.message, *causes, *fix_plan])
    return re.sub(r"[^ ']*/(?=model\.py)", "", text)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_enough_cases(rule: Rule) -> None:
    assert len(rule.bad) >= 2
    assert len(rule.good) >= 1
    names = Counter(case.name for case in (*rule.bad, *rule.good))
    assert max(names.values()) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_documentation_has_all_headings_in_order(rule: Rule) -> None:
    text = inspect.getdoc(type(rule)) or ""
    places = [text.find(heading) for heading in HEADINGS]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_file_class_and_code_fit_the_rule(rule: Rule) -> None:
    file = Path(inspect.getfile(type(rule)))
    assert type(rule).__name__.lower() == file.stem.replace("_", "")
    assert rule.name.startswith(file.stem.replace("_", "-"))
    assert (inspect.getdoc(inspect.getmodule(type(rule))) or "").startswith(f"{rule.code}: ")


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def own_cases(folder: Path, flagged: set[str], line: int = 2) -> tuple[RuleCase, RuleCase]:
    """The bad and the good case of a rule that flags these classes on that line."""
    (folder / "mine.py").write_text(OWN_RULE.replace("{flagged!r}", repr(flagged)).replace("{line}", str(line)))
    bad, good = cases_in(folder)
    return bad, good


def test_harness_accepts_a_rule_that_keeps_its_promise(tmp_path: Path, workers: WorkerClient) -> None:
    bad, good = own_cases(tmp_path, {"Bad"})
    assert [finding.message for finding in bad.check(tmp_path, workers)] == ["flagged"]
    assert good.check(tmp_path, workers) == ()


def test_harness_refuses_a_rule_that_misses_its_bad_case(tmp_path: Path, workers: WorkerClient) -> None:
    bad, _ = own_cases(tmp_path, set())
    with pytest.raises(AssertionError, match="found on lines none, marked on 2"):
        bad.check(tmp_path, workers)


def test_harness_refuses_a_finding_on_another_line(tmp_path: Path, workers: WorkerClient) -> None:
    bad, _ = own_cases(tmp_path, {"Bad"}, line=3)
    with pytest.raises(AssertionError, match="found on lines 3, marked on 2"):
        bad.check(tmp_path, workers)


def test_harness_refuses_a_rule_that_flags_its_good_case(tmp_path: Path, workers: WorkerClient) -> None:
    _, good = own_cases(tmp_path, {"Good"})
    with pytest.raises(AssertionError, match="XX900 flags its good case"):
        good.check(tmp_path, workers)


def test_harness_refuses_unmarked_errors_of_other_rules(tmp_path: Path, workers: WorkerClient) -> None:
    bad, good = own_cases(tmp_path, {"Bad"}, line=3)
    unmarked, marked = Case("unmarked", WIDENING), Case("marked", WIDENING.replace("out + x", "out + x  # <- RL101"))
    with pytest.raises(AssertionError, match="errors of other rules are not marked"):
        RuleCase(bad.rule, unmarked, True, bad.folder).check(tmp_path, workers)
    assert RuleCase(bad.rule, marked, True, bad.folder).check(tmp_path, workers)
    with_error = Case("an error", WIDENING.replace("Bad", "Net"))
    with pytest.raises(AssertionError, match="a good case has errors"):
        RuleCase(good.rule, with_error, False, good.folder).check(tmp_path, workers)


def test_harness_refuses_a_bad_case_without_a_mark(tmp_path: Path, workers: WorkerClient) -> None:
    _, good = own_cases(tmp_path, {"Good"})
    with pytest.raises(AssertionError, match="no line of its code ends with `# <- XX900`"):
        RuleCase(good.rule, good.case, True, good.folder).check(tmp_path, workers)
