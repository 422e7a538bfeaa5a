"""Files whose check is killed from outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

KILLED = """
import os, signal
from pathlib import Path
import torch
from torch import nn

mark = Path(__file__).with_name("tries")
tries = mark.read_text() if mark.exists() else ""
mark.write_text(tries + "x")
if len(tries) < {most}:
    os.kill(os.getpid(), signal.SIGKILL)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
    def forward(self, x):
        return self.conv(x)
"""


@pytest.mark.parametrize(("most", "found", "tries"), [(1, [], 2), (9, ["RL002"], 2)])
def test_a_killed_process_is_tried_once_more(
    most: int, found: list[str], tries: int, tmp_path: Path, lint: Lint
) -> None:
    file = tmp_path / "model.py"
    file.write_text(KILLED.format(most=most))
    report = json.loads(lint(file, "--format", "json", "--no-guard").stdout)
    assert [finding["rule"] for finding in report["findings"]] == found
    assert len((tmp_path / "tries").read_text()) == tries
