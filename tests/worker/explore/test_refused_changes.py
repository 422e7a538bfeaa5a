"""Scripts that change files or run commands before they call their model: the guard refuses that, and they go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

TRAINER = """
import csv, logging, os, shutil, subprocess
from pathlib import Path
import torch
from torch import nn

class Trainer:
    def __init__(self, out):
        self.net = nn.Linear(10, 2)
        {change}

    def fit(self):
        return self.net(torch.randn(4, {width}))

Trainer("runs/first").fit()
"""

CHANGES = {
    "a folder": "os.makedirs(out, exist_ok=True)",
    "a folder by its path": "Path(out, 'logs').mkdir(parents=True, exist_ok=True)",
    "a table": "csv.writer(open('log.csv', 'w', newline='')).writerow(['loss'])",
    "a text": "Path('log.txt').write_text('begin')",
    "a log": "logging.getLogger().addHandler(logging.FileHandler('log.txt'))",
    "a copy of the script": "shutil.copy(__file__, 'kept.py')",
    "an old folder": "shutil.rmtree('runs')",
    "the commit": "self.commit = subprocess.check_output(['git', 'rev-parse', 'HEAD'], text=True).strip()",
    "a command": "self.done = subprocess.run(['git', 'diff'], capture_output=True).stdout.decode()",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_script_goes_on(change: str, tmp_path: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for width, rules in ((10, {"RL006"}), (11, {"RL006", "RL301"})):
        Path("train.py").write_text(TRAINER.format(change=change, width=width))
        report = json.loads(lint("train.py", "--format", "json").stdout)
        assert {finding["rule"] for finding in report["findings"]} == rules
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]
