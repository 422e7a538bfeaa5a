"""The exact output for each fixture; `make snapshots` updates the expected texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Lint

ROOT = Path(__file__).parents[2]
FIXTURES = sorted((ROOT / "fixtures").glob("*/model.py"))


@pytest.mark.parametrize("model", FIXTURES, ids=lambda path: path.parent.name)
def test_report(model: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    monkeypatch.chdir(ROOT)
    result = lint(model.relative_to(ROOT))
    assert result.stderr == ""
    shown = re.sub(r"\d+\.\d s$", "0.0 s", result.stdout, flags=re.MULTILINE)
    expected = model.with_name("expected.txt")
    if pytestconfig.option.update_snapshots:
        expected.write_text(shown, encoding="utf-8")
    assert shown == expected.read_text(encoding="utf-8")
    assert result.exit_code == (0 if "0 errors" in shown else 1)


def test_there_are_fixtures() -> None:
    assert len(FIXTURES) >= 6
