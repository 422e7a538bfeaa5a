"""The facts F1 to F5 and F11 of the source material, about skip connections, through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import Lint

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "resnet_lint/front/check/report/schema.json").read_text())


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def report(lint: Lint, fixture: str, exit_code: int) -> dict[str, Any]:
    result = lint(f"fixtures/{fixture}/model.py", "--format", "json")
    assert (result.exit_code, result.stderr) == (exit_code, "")
    found: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(found, SCHEMA)
    return found


def only_finding(lint: Lint, fixture: str) -> dict[str, Any]:
    """The one finding of a fixture, in short: what the facts speak of."""
    [finding] = report(lint, fixture, exit_code=1)["findings"]
    return {
        "rule": finding["rule"],
        "source": source(finding),
        "shapes": {operand["role"]: operand["shape"] for operand in finding["operands"]},
        "causes": [(line_of(cause["path"], cause["line"]), cause["text"]) for cause in finding["causes"]],
        "where": finding["module_paths"],
        "fix": finding["fix"]["title"],
    }


def line_of(path: str, number: int, strip: bool = True) -> str:
    line = (ROOT / path).read_text().splitlines()[number - 1]
    return line.strip() if strip else line


def source(finding: dict[str, Any]) -> str:
    """The source that a finding marks, which has to lie on one line."""
    start, end = finding["start"], finding["end"]
    assert start["line"] == end["line"]
    line = line_of(finding["path"], start["line"], strip=False)
    return line[start["column"] - 1 : end["column"] - 1]


@pytest.mark.usefixtures("in_root")
@pytest.mark.parametrize("fixture", ["f1_addition", "f2_ones"])
def test_f1_and_f2_a_correct_addition_is_checked_and_not_flagged(fixture: str, lint: Lint) -> None:
    found = report(lint, fixture, exit_code=0)
    assert found["findings"] == []
    assert [module["status"] for module in found["modules"]] == ["checked"]


@pytest.mark.usefixtures("in_root")
def test_f3_the_convolution_changed_the_channels(lint: Lint) -> None:
    assert only_finding(lint, "f3_channels") == {
        "rule": "RL101",
        "source": "out + x",
        "shapes": {"residual branch": [1, 128, 32, 32], "shortcut": [1, 64, 32, 32]},
        "causes": [("self.conv = nn.Conv2d(64, 128, 3, padding=1)", "conv: 64 -> 128 channels")],
        "where": [],
        "fix": "project the shortcut: nn.Conv2d(64, 128, kernel_size=1, bias=False)",
    }


@pytest.mark.usefixtures("in_root")
def test_f4_a_strided_projection_is_the_fix(lint: Lint) -> None:
    found = only_finding(lint, "f4_stride")
    assert (found["rule"], found["source"]) == ("RL103", "out + x")
    assert found["shapes"] == {"residual branch": [8, 128, 16, 16], "shortcut": [8, 64, 32, 32]}
    [(line, text)] = found["causes"]
    assert line == "self.conv = nn.Conv2d(64, 128, kernel_size=3, stride=2, padding=1)"
    assert text.startswith("conv: 64 -> 128 channels, stride 2")
    assert found["fix"] == "project the shortcut: nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False)"


@pytest.mark.usefixtures("in_root")
def test_f5_the_missing_projection_between_stage_3_and_4(lint: Lint) -> None:
    assert only_finding(lint, "f5_pipeline") == {
        "rule": "RL101",
        "source": "out + x",
        "shapes": {"residual branch": [1, 256, 56, 56], "shortcut": [1, 64, 56, 56]},
        "causes": [
            ("self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)", "conv1: 64 -> 256 channels"),
        ],
        "where": ["stack.0"],
        "fix": "project the shortcut: nn.Conv2d(64, 256, kernel_size=1, bias=False)",
    }


def found_in(lint: Lint, fixture: str) -> list[tuple[str, str, str]]:
    """The rule, the severity and the source of each finding of a fixture that runs."""
    findings = report(lint, fixture, exit_code=0)["findings"]
    return [(finding["rule"], finding["severity"], source(finding)) for finding in findings]


@pytest.mark.usefixtures("in_root")
def test_f1_the_wrong_operators_are_flagged(lint: Lint) -> None:
    assert found_in(lint, "f1_wrong_operators") == [
        ("RL205", "warning", "x - out"),
        ("RL205", "warning", "x * out"),
        ("RL205", "warning", "x / out"),
    ]


@pytest.mark.usefixtures("in_root")
def test_f11_skip_connections_that_are_wrong_without_an_error(lint: Lint) -> None:
    assert found_in(lint, "f11_silent") == [
        ("RL202", "warning", "x + x"),
        ("RL203", "warning", "x + self.branch(x)"),
        ("RL208", "warning", "identity"),
        ("RL207", "warning", "out.add(x)"),
        ("RL401", "warning", "kind(width)"),
    ]


def test_as_a_process_of_its_own() -> None:
    """The same as a user would run it, with a new worker: exit code and streams."""
    command = [sys.executable, "-m", "resnet_lint", "fixtures/f3_channels/model.py", "--format", "json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (1, "")
    assert [finding["rule"] for finding in json.loads(run.stdout)["findings"]] == ["RL101"]
