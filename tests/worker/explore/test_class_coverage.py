"""Which classes count as checked: through traces of their own file, or of other files in the run."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from conftest import Lint

BLOCKS = """
from torch import nn

class Block(nn.Module):
    def __init__(self, plan):
        super().__init__()
        self.conv = nn.Conv2d(*plan.pair(), 3, padding=1)
    def forward(self, x):
        return self.conv(x)

class Unused(nn.Module):
    def __init__(self, plan):
        super().__init__()
        self.conv = nn.Conv2d(*plan.pair(), 3)
    def forward(self, x):
        return self.conv(x)
"""
NET = """
from torch import nn
from .blocks import Block

class Plan:
    def pair(self):
        return 3, 8

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(Plan())
    def forward(self, x):
        return self.block(x)
"""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "models"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "blocks.py").write_text(BLOCKS)
    (folder / "net.py").write_text(NET)
    return folder


def run(lint: Lint, monkeypatch: pytest.MonkeyPatch, package: Path, *paths: str) -> tuple[dict[str, Any], list[str]]:
    """The class of each name, and the modules with a finding."""
    monkeypatch.chdir(package)
    report = json.loads(lint(*paths, "--format", "json").stdout)
    modules = {module["target"].partition("::")[2]: module for module in report["modules"]}
    return modules, [finding["module"] for finding in report["findings"]]


def test_a_class_that_another_file_builds_is_checked_there(
    lint: Lint, monkeypatch: pytest.MonkeyPatch, package: Path
) -> None:
    modules, found = run(lint, monkeypatch, package, "blocks.py", "net.py")
    assert modules["Block"]["status"] == "checked"
    assert modules["Block"]["how"] == "Net() -> block"
    assert modules["Block"]["reason"] is None
    assert modules["Unused"]["status"] == "failed"
    assert found == ["Unused"]


def test_a_file_alone_knows_what_the_project_builds(lint: Lint, monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    modules, found = run(lint, monkeypatch, package, "blocks.py")
    assert {name: module["status"] for name, module in modules.items()} == {"Block": "checked", "Unused": "failed"}
    assert found == ["Unused"]


def test_one_class_of_a_file_beside_the_file_that_builds_it(
    lint: Lint, monkeypatch: pytest.MonkeyPatch, package: Path
) -> None:
    modules, found = run(lint, monkeypatch, package, "blocks.py::Block", "net.py")
    assert modules["Block"]["status"] == "checked"
    assert found == []


def test_a_switch_that_a_helper_of_another_file_reads(
    lint: Lint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "zoo"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "builder.py").write_text(BUILDER)
    (package / "net.py").write_text(SWITCHED)
    modules, found = run(lint, monkeypatch, package, "builder.py", "net.py")
    assert modules["Features"]["how"] == "net.py: small(features_only=True)"
    assert modules["Net"]["how"] == "small()"
    assert found == []


BUILDER = """
from torch import nn

class Features(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.stages = model.stages
    def forward(self, x):
        return [x := stage(x) for stage in self.stages]

def build(cls, **kwargs):
    features = kwargs.pop("features_only", False)
    broken = kwargs.pop("broken", False)
    model = cls(8 if broken else 3)
    return Features(model) if features else model
"""
SWITCHED = """
from torch import nn
from .builder import build

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.stages = nn.ModuleList([nn.Conv2d(3, width, 3), nn.Conv2d(3, 8, 3)])
    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return x

def small(**kwargs):
    return build(Net, **kwargs)
"""


def statuses(lint: Lint, folder: Path, source: str) -> dict[str, str]:
    path = folder / "model.py"
    path.write_text(dedent(source))
    report = json.loads(lint(path, "--format", "json").stdout)
    return {module["target"].partition("::")[2]: module["status"] for module in report["modules"]}


def test_what_ran_before_a_forward_ended_early_is_checked(lint: Lint, tmp_path: Path) -> None:
    source = """
        from torch import nn
        class Stem(nn.Module):
            def __init__(self, plan=None):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3)
            def forward(self, x):
                return self.conv(x)
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = Stem()
                self.tail = Tail(8)
            def forward(self, x):
                x = self.stem(x)
                return self.tail(x) if x.sum() > 0 else x
        class Tail(nn.Module):
            def __init__(self, plan):
                super().__init__()
                self.conv = nn.Conv2d(plan, 8, 3)
            def forward(self, x):
                if x.sum() > 0:
                    x = self.conv(x)
                return x
    """
    assert statuses(lint, tmp_path, source) == {"Stem": "checked", "Net": "failed", "Tail": "failed"}
