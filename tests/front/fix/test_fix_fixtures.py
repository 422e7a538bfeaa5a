"""What `--fix` makes of each fixture is its `fixed.py`, letter for letter; a fixture without one has no fix."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import Lint

ROOT = Path(__file__).parents[3]
FIXTURES = sorted((ROOT / "fixtures").glob("*/model.py"))
FIXED = [model for model in FIXTURES if model.with_name("fixed.py").exists()]


@pytest.mark.parametrize("model", FIXTURES, ids=lambda path: path.parent.name)
def test_fix(model: Path, lint: Lint, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    copy = Path(shutil.copy(model, tmp_path))
    lint(copy, "--fix")
    made, fixed = copy.read_bytes(), model.with_name("fixed.py")
    if pytestconfig.option.update_snapshots and made != model.read_bytes():
        fixed.write_bytes(made)
    assert made == (fixed if fixed.exists() else model).read_bytes()


@pytest.mark.parametrize("model", FIXED, ids=lambda path: path.parent.name)
def test_a_fixed_fixture_is_clean_and_stays_as_it_is(model: Path, lint: Lint, tmp_path: Path) -> None:
    copy = Path(shutil.copy(model.with_name("fixed.py"), tmp_path))
    result = lint(copy, "--fix")
    assert (result.exit_code, result.stderr) == (0, "")
    assert copy.read_bytes() == model.with_name("fixed.py").read_bytes()


def test_there_are_fixtures_of_both_kinds() -> None:
    assert len(FIXED) >= 4
    assert len(FIXTURES) - len(FIXED) >= 2
