"""[tool.resnet-lint.per-file-ignores]: rules that are ignored in some files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fake_workers import FakeWorkers, stand_in

from resnet_lint.front.cli import main

MODEL = "from torch import nn\n\n\nclass Net(nn.Module): ...\n"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    fake = FakeWorkers()
    fake.severity, fake.code = "error", "RL103"
    stand_in(fake, monkeypatch)
    for name in ("models/net.py", "models/old/net.py", "tests/net.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(MODEL)
    return lambda *args: CliRunner().invoke(main, args or ["."], prog_name="resnet-lint")


def configure(folder: Path, ignores: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.resnet-lint]\nper-file-ignores = {{ {ignores} }}\n")


@pytest.mark.parametrize(
    ("ignores", "left"),
    [
        ("'tests/' = ['RL103']", ["models/net.py", "models/old/net.py"]),
        ("'tests/' = ['RL1,RL3']", ["models/net.py", "models/old/net.py"]),
        ("'tests/' = ['RL104']", ["models/net.py", "models/old/net.py", "tests/net.py"]),
        ("'net.py' = ['RL1']", []),
        ("'/models/*.py' = ['RL1']", ["models/old/net.py", "tests/net.py"]),
        ("'models/**' = ['RL103'], 'tests/net.py' = ['RL103']", []),
    ],
)
def test_codes_are_ignored_where_a_pattern_says_so(ignores: str, left: list[str], run: Run, tmp_path: Path) -> None:
    configure(tmp_path, ignores)
    found = json.loads(run(".", "--format", "json").stdout)["findings"]
    assert [finding["path"] for finding in found] == left


def test_the_patterns_are_relative_to_the_configuration(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, "'/models/net.py' = ['RL103']")
    monkeypatch.chdir(tmp_path / "models")
    assert run("net.py").exit_code == 0
    assert run("old").exit_code == 1


@pytest.mark.parametrize(
    ("ignores", "message"),
    [
        ("'tests/' = 'RL1'", "per-file-ignores in [tool.resnet-lint]: 'RL1' must be a list of strings"),
        ("'tests/' = ['RL1O3']", "no rule has the code 'RL1O3'; did you mean RL103?"),
        ("'!' = ['RL1']", "per-file-ignores: '!' is not a valid"),
    ],
)
def test_a_wrong_table_is_one_line(ignores: str, message: str, run: Run, tmp_path: Path) -> None:
    configure(tmp_path, ignores)
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_pattern_that_matches_nothing_is_told_where_all_was_looked_at(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/run.py").write_text("print()\n")
    configure(tmp_path, "'test/' = ['RL1'], 'tools/' = ['RL1'], 'tests/' = ['RL1']")
    assert "per-file-ignores: 'test/' matches no Python file" in run().stdout
    assert run().stdout.count("matches no") == 1
    assert "matches no" not in run("models").stdout
    assert "matches no" not in run("models/net.py").stdout
