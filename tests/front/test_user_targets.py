"""How the user specifies the construction and inputs of a class: where, with which precedence and effect."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import Lint
from fake_workers import FakeWorkers, stand_in

from resnet_lint.front.cli import main

MODEL = """
    from torch import nn


    class Base(nn.Module):
        def __init__(self, plan):
            super().__init__()
            self.layer = nn.Linear(*plan.sizes if hasattr(plan, "sizes") else plan)

        def forward(self, x):
            return self.layer(x)


    class Told(Base):  # resnet-lint: call=Told([8, 16]) input=x=2x8
        pass


    # resnet-lint: call=Wrong(3)
    class Wrong(nn.Module):
        def forward(self, x):
            return x


    # resnet-lint: input=x=2x3 input=ids=2
    class WrongInput(nn.Module):
        def forward(self, x):
            return x


    class Configured(Base):
        def forward(self, x):
            return x + self.layer(x)


    class Free(nn.Module):
        def forward(self, x):
            return x


    def make():
        return Told([8, 16])
"""

CONFIGURATION = """
    [tool.resnet-lint.targets]
    "models/net.py::Configured" = { call = "Configured([8, 16])", input = ["x=2x8"] }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/net.py").write_text(dedent(MODEL))
    (tmp_path / "pyproject.toml").write_text(dedent(CONFIGURATION))
    return tmp_path


@pytest.fixture
def workers_asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWorkers:
    return stand_in(FakeWorkers(), monkeypatch)


def by_class(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {module["target"].partition("::")[2]: module for module in report["modules"]}


def test_classes_are_built_and_fed_as_told(project: Path, lint: Lint) -> None:
    report = json.loads(lint("models", "--format", "json").stdout)
    modules = by_class(report)
    assert {name: module["status"] for name, module in modules.items()} == {
        "Base": "checked",
        "Told": "checked",
        "Wrong": "failed",
        "WrongInput": "failed",
        "Configured": "checked",
        "Free": "checked",
    }
    assert modules["Told"]["how"] == "Told([8, 16])"
    assert modules["Configured"]["how"] == "Configured([8, 16])"
    found = {finding["module"]: finding for finding in report["findings"]}
    assert {name: finding["rule"] for name, finding in found.items()} == {
        "Wrong": "RL003",
        "WrongInput": "RL004",
        "Configured": "RL101",
    }
    lines = (project / "models/net.py").read_text().splitlines()
    for name, text in (("Wrong", "call=Wrong(3)"), ("WrongInput", "input=x=2x3")):
        line = found[name]["start"]["line"]
        assert text in lines[line - 1]
        assert f"(the comment in line {line} specifies this)" in found[name]["message"]
        assert found[name]["fix"]["title"] == f"correct the comment in line {line}"


def test_what_the_configuration_says_wrong_is_told_on_the_class(project: Path, lint: Lint) -> None:
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace("Configured([8, 16])", "Configured(no)"))
    [finding] = json.loads(lint("models/net.py::Configured", "--format", "json").stdout)["findings"]
    assert finding["rule"] == "RL003"
    assert "NameError" in finding["message"]
    assert "'models/net.py::Configured' in [tool.resnet-lint.targets]" in finding["fix"]["title"]
    assert "class Configured" in (project / "models/net.py").read_text().splitlines()[finding["start"]["line"] - 1]


def test_a_factory_that_fails_is_told_on_the_class_that_it_leads_to(project: Path, lint: Lint) -> None:
    report = json.loads(lint("models/net.py", "--isolated", "--call", "make(1)", "--format", "json").stdout)
    assert by_class(report)["Told"]["status"] == "failed"
    [finding] = [found for found in report["findings"] if found["module"] == "Told"]
    assert "make(1): TypeError" in finding["message"]


@pytest.mark.parametrize(
    ("args", "targets"),
    [
        ([], [("Told([8, 16])", ("x=2x8",))]),
        (["--call", "Told(1)"], [("Told(1)", ("x=2x8",))]),
        (["--input", "x=9"], [("Told([8, 16])", ("x=9",))]),
        (["--call", "make()"], [("make()", ("x=2x8",))]),
        (["--call", "Told(1)", "--input", "x=9"], [("Told(1)", ("x=9",))]),
    ],
)
def test_the_command_line_counts_more_than_a_comment(
    args: list[str], targets: list[tuple[str, tuple[str, ...]]], workers_asked: FakeWorkers
) -> None:
    assert CliRunner().invoke(main, ["models/net.py::Told", *args]).exit_code == 0
    [request] = workers_asked.requests
    assert [(target.call, target.inputs) for target in request.targets if target.name == "Told"] == targets


def test_a_comment_counts_more_than_the_configuration(workers_asked: FakeWorkers, project: Path) -> None:
    (project / "pyproject.toml").write_text(
        "[tool.resnet-lint]\ninput = ['x=1']\n"
        "targets = { 'models/net.py::Told' = { call = 'make()' }, 'models/net.py::Wrong' = { input = ['x=2'] } }\n"
    )
    assert CliRunner().invoke(main, ["models"]).exit_code == 0
    [request] = workers_asked.requests
    assert [(target.name, target.call, target.inputs) for target in request.targets] == [
        ("Told", "Told([8, 16])", ("x=2x8",)),
        ("Wrong", "Wrong(3)", ("x=2",)),
        ("WrongInput", None, ("x=2x3", "ids=2")),
        (None, None, ("x=1",)),
    ]


def test_a_target_is_for_its_own_file(workers_asked: FakeWorkers, project: Path) -> None:
    (project / "models/other.py").write_text("from torch import nn\n\nclass Configured(nn.Module): ...\n")
    assert CliRunner().invoke(main, ["models/other.py"]).exit_code == 0
    assert [request.targets for request in workers_asked.requests] == [()]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("'net.py' = {}", "'net.py' does not name a file and a class, such as 'models/net.py::Net'"),
        ("'net.py::a b' = {}", "'net.py::a b' does not name a file and a class"),
        ("'models/net.py::Told' = 'Told()'", "'Told()' must be a table"),
        ("'models/net.py::Told' = { cal = 'Told()' }", "has an unknown key 'cal'; did you mean 'call'?"),
        ("'models/net.py::Told' = { call = 1 }", "1 must be a string"),
        ("'models/net.py::Told' = { call = 'Told' }", "'Told' is not a call"),
        ("'models/net.py::Told' = { input = 'x=2' }", "'x=2' must be a list of strings"),
        ("'models/net.py::Told' = { input = ['2'] }", "invalid input '2'; expected NAME=SHAPE"),
        ("'models/nett.py::Told' = {}", "no such file: models/nett.py; did you mean models/net.py?"),
        ("'models/net.py::Tald' = {}", "the file defines no nn.Module class Tald; did you mean Told?"),
    ],
)
def test_a_wrong_target_is_one_line(target: str, message: str, workers_asked: FakeWorkers, project: Path) -> None:
    (project / "pyproject.toml").write_text(f"[tool.resnet-lint.targets]\n{target}\n")
    result = CliRunner().invoke(main, ["models"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert workers_asked.requests == []
