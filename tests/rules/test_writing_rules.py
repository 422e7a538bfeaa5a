"""The rule that the page on writing rules shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Lint

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.testing import cases_in

PAGE = Path(__file__).parents[2] / "docs" / "writing-rules.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the rule of the page."""
    [source] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(source.splitlines()) < 80
    assert re.findall(r"^(?:from|import) (?!__future__|collections)(\S+)", source, re.MULTILINE) == ["resnet_lint.rule"]
    rules = tmp_path / "my_rules"
    rules.mkdir()
    (rules / "relu_before_addition.py").write_text(source)
    return rules


@pytest.mark.parametrize("number", [0, 1], ids=["bad", "good"])
def test_the_rule_of_the_page_finds_what_no_other_rule_finds(
    number: int, folder: Path, tmp_path: Path, workers: WorkerClient, lint: Lint
) -> None:
    case = cases_in(folder)[number]
    case.check(tmp_path, workers)
    model = tmp_path / "model.py"
    model.write_text(case.case.text)
    assert "XX101" not in lint("check", model).stdout
    found = lint("check", "--rules", folder, model)
    assert found.exit_code == 0
    assert ("XX101" in found.stdout) is case.bad
