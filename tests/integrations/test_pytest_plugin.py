"""The pytest plugin, in real runs of pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "fixtures" / "f3_channels"

LIVE = """\
import pytest
from torch import nn
import torch

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 1)

    def forward(self, x):
        return x + self.conv(x)

def test_it(assert_no_findings):
    assert_no_findings(Net(), torch.randn(2, 4, 8, 8))

@pytest.mark.resnet_lint(ignore=["RL1"])
def test_ignored(assert_no_findings):
    assert_no_findings(Net())

@pytest.mark.resnet_lint(ignore=["RL9"])
def test_misspelt(assert_no_findings):
    assert_no_findings(Net())

def test_package(resnet_lint):
    assert not resnet_lint.check(Net).ok
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    shutil.copy(FIXTURE / "model.py", tmp_path / "models" / "bad.py")
    shutil.copy(FIXTURE / "fixed.py", tmp_path / "models" / "good.py")
    (tmp_path / "models" / "plain.py").write_text("raise SystemExit('it was run')\n")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--strict-markers'\n")
    return tmp_path


def run(project: Path, *args: str, plugins: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """pytest with this plugin and those that are named, whatever else is installed."""
    named = [word for plugin in ("resnet_lint.integrations.pytest", *plugins) for word in ("-p", plugin)]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", *named, *args]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


def test_each_class_is_a_test_whose_failure_is_the_finding(project: Path) -> None:
    done = run(project, "--resnet-lint", "models", "-rA", "--junit-xml", "tests.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "models/bad.py:15:15: error: RL101 cannot add" in done.stdout
    assert "\n15 |         out = out + x\n" in done.stdout
    assert "PASSED models/good.py::WideningBlock" in done.stdout
    assert "FAILED models/bad.py::WideningBlock" in done.stdout
    assert "1 failed, 3 passed" in done.stdout
    [failure] = ElementTree.parse(project / "tests.xml").getroot().iter("failure")
    assert "RL101" in str(failure.text)
    again = run(project, "--resnet-lint", "models", "--lf")
    assert "1 failed" in again.stdout
    assert "passed" not in again.stdout


def test_one_class_and_xdist(project: Path) -> None:
    one = run(project, "--resnet-lint", "models/good.py::WideningBlock")
    assert "1 passed" in one.stdout, one.stdout + one.stderr
    spread = run(project, "--resnet-lint", "-n", "2", "models/good.py", "models/plain.py", plugins=("xdist",))
    assert "2 passed" in spread.stdout, spread.stdout + spread.stderr


def test_what_cannot_be_checked_is_skipped_and_what_cannot_be_read_fails(project: Path) -> None:
    (project / "models/base.py").write_text("from torch import nn\n\n\nclass Base(nn.Module): ...\n")
    (project / "models/broken.py").write_text("from torch import nn\nclass Net(nn.Module\n")
    done = run(project, "--resnet-lint", "models/base.py", "models/broken.py", "-rs")
    assert "SKIPPED [1] models/base.py:4: " in done.stdout
    assert "models/broken.py:2:10: error: RL001" in done.stdout


def test_a_model_fails_with_the_error_of_its_block(project: Path) -> None:
    (project / "models/net.py").write_text(
        "from torch import nn\n\n\nclass Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(4, 8, 1)\n\n    def forward(self, x):\n        return x + self.conv(x)\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.block = Block()\n\n    def forward(self, x):\n        return self.block(x)\n"
    )
    done = run(project, "--resnet-lint", "models/net.py::Net")
    assert "models/net.py:10:16: error: RL101" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout


def test_the_fixtures(project: Path) -> None:
    (project / "test_live.py").write_text(LIVE)
    done = run(project, "test_live.py")
    assert "test_live.py:11:16: error: RL101" in done.stdout, done.stdout + done.stderr
    assert "FAILED test_live.py::test_it - Failed: test_live.py:11:16: error: RL101" in done.stdout
    assert "UsageError: no rule has the code 'RL9'" in done.stdout
    assert "1 failed, 2 passed, 1 error" in done.stdout


def test_no_cost_where_it_is_not_asked_for(project: Path) -> None:
    (project / "test_nothing.py").write_text(
        "import sys\ndef test(): assert not {'torch', 'click', 'libcst'} & set(sys.modules)\n"
    )
    assert "1 passed" in run(project).stdout
    assert "no tests ran" in run(project, "models").stdout
