"""A class that other files of the project construct is constructed and fed in the same way."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from conftest import Lint

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.requests import CheckRequest

# Neither the mode can be guessed, nor that the constructor takes the width of the image.
NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, mode, side, width, classes):
        super().__init__()
        if mode != "thin":
            raise ValueError("there is no such mode")
        self.features = nn.Conv2d(3, width, 3, padding=1)
        self.fc = nn.Linear(width * side * side, classes)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))
"""
SCRIPT = """
import argparse
import torch
from net import Net

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=6)
parser.add_argument("--side", type=int, default=20)

def main():
    args = parser.parse_args()
    model = Net("thin", args.side, args.width, classes=4)
    return model(torch.randn(2, 3, @, 20))

if __name__ == "__main__":
    main()
"""
CALLERS = {
    "a script": {"main.py": SCRIPT},
    "a script in another folder": {"tools/train.py": SCRIPT},
    "a test": {
        "tests/test_net.py": """
        import pytest, torch
        import net

        def test_shape():
            assert net.Net("thin", 20, 6, 4)(torch.randn(2, 3, @, 20)).shape == (2, 4)
        """
    },
    "a notebook": {
        "demo.ipynb": json.dumps(
            {
                "cells": [
                    {"cell_type": "code", "source": "import torch\nfrom net import Net"},
                    {"cell_type": "code", "source": "Net('thin', 20, 6, 4)(torch.randn(2, 3, @, 20))"},
                ]
            }
        )
    },
}


def checked(lint: Lint, folder: Path, files: dict[str, str], height: int = 20) -> tuple[dict[str, Any], list[str]]:
    """What became of the class in net.py, which alone is checked, and the errors."""
    if not (folder.parent / ".git").exists():
        (folder / ".git").mkdir(exist_ok=True)
    for name, text in {"net.py": NET, **files}.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text).replace("@", str(height)))
    report = json.loads(lint(folder / "net.py", "--format", "json").stdout)
    errors = [
        f"{finding['rule']} {finding['start']['line']}"
        for finding in report["findings"]
        if finding["severity"] == "error"
    ]
    return report["modules"][0], errors


@pytest.mark.parametrize("files", CALLERS.values(), ids=CALLERS)
@pytest.mark.parametrize(("height", "errors"), [(20, []), (22, ["RL301 13"])])
def test_the_call_in_another_file_decides(
    lint: Lint, tmp_path: Path, files: dict[str, str], height: int, errors: list[str]
) -> None:
    status, found = checked(lint, tmp_path, files, height)
    assert (status["status"], found) == ("checked", errors)
    assert "Net(" in status["how"]


PAGE = """
# The net

```python
import torch
from net import Net

net = Net("thin", 20, 6, 4)
y = net(torch.randn(1, 3, @, 20))  # (1, 4)
```

```python
nothing = Net(of, this, runs)
```
"""


@pytest.mark.parametrize("height", [20, 22])
def test_a_page_shows_how_to_build_a_class_and_proves_no_fault(lint: Lint, tmp_path: Path, height: int) -> None:
    found, errors = checked(lint, tmp_path, {"README.md": PAGE}, height)
    assert errors == []
    assert (found["how"] == 'Net("thin", 20, 6, 4)') == (height == 20)


def test_a_caller_that_cannot_be_run_is_passed_over(lint: Lint, tmp_path: Path) -> None:
    broken = "from net import Net, nothing_there\nNet('thin', 4, 4, 4)\n"
    status, errors = checked(lint, tmp_path, {"main.py": broken, "train.py": SCRIPT})
    assert (status["status"], errors) == ("checked", [])
    output = lint(tmp_path / "net.py", "--verbose").stdout
    assert "main.py was skipped: line 1: ImportError: cannot import name 'nothing_there'" in output


def test_what_a_caller_may_not_do_is_told_when_it_is_checked_itself(lint: Lint, tmp_path: Path) -> None:
    writes = SCRIPT.replace("def main", "import os\nos.makedirs('results')\ndef main")
    checked(lint, tmp_path, {"main.py": writes})
    assert "RL006" not in lint(tmp_path / "net.py").stdout
    assert "RL006" in lint(tmp_path / "main.py").stdout


def test_the_answer_rests_on_the_files_that_were_searched(workers: WorkerClient, lint: Lint, tmp_path: Path) -> None:
    checked(lint, tmp_path, {"main.py": SCRIPT, "other.py": "", "plain.py": "from torch import nn\nnn.Linear(2, 2)\n"})
    reads = workers.analyse(CheckRequest(str(tmp_path / "net.py"))).reads
    assert reads is not None
    assert {str(tmp_path / name) for name in ("net.py", "main.py", "other.py")} <= set(reads)
    assert reads[str(tmp_path)] is not None  # a new file may call the class
    alone = workers.analyse(CheckRequest(str(tmp_path / "plain.py"))).reads
    assert alone is not None and str(tmp_path / "main.py") not in alone  # nothing to search for


def test_in_a_large_project_the_nearest_files_are_searched_first(lint: Lint, tmp_path: Path) -> None:
    for number in range(600):
        path = tmp_path / "early" / f"file{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "gone.py").symlink_to("nowhere.py")
    status, errors = checked(lint, tmp_path / "late", {"main.py": SCRIPT}, 22)
    assert (status["status"], errors) == ("checked", ["RL301 13"])
