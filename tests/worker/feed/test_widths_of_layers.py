"""A layer with a wrong number of features is an error without a known input only if no input can be to blame."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

TABLES = """
import torch
from torch import nn


class Tabular(nn.Module):
    def __init__(self, embeddings, numbers, width):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(count, size) for count, size in embeddings])
        self.norm = nn.BatchNorm1d(numbers)
        self.head = nn.Linear(sum(size for _, size in embeddings) MISSING, width)

    def forward(self, ids, values):
        parts = [layer(ids[:, number]) for number, layer in enumerate(self.embeddings)]
        return self.head(torch.cat([*parts, self.norm(values)], 1))


class Clips(nn.Module):
    # right for clips of 64 steps
    def __init__(self):
        super().__init__()
        self.table = nn.Linear(9, 7)
        self.convs = nn.Sequential(*[nn.Conv1d(12, 12, 3, 2, 1) for _ in range(3)])
        self.head = nn.Linear(12 * 8 + 7, 5)

    def forward(self, clip, row):
        return self.head(torch.cat((self.convs(clip).flatten(1), self.table(row)), 1))


class Vectors(nn.Module):
    # right for single vectors, without a batch
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(12, 20), nn.Linear(9, 20)
        self.head = nn.Linear(40, 3)

    def forward(self, left, right):
        return self.head(torch.cat((self.left(left), self.right(right)), 0))


vectors, tabular, clips = Vectors(), Tabular([(15, 8), (5, 3), (4, 2)], 5, 50), Clips()
"""
UNKNOWN = """
from torch import nn


class Odd(nn.Module):
    def __init__(self, pairs, width):
        super().__init__()
        self.fc = nn.Linear(width, len(pairs))

    def forward(self, x):
        return self.fc(x.records[0].load())


odd = Odd([(15, 8), (5, 3)], 5)
"""


def test_no_input_gives_a_layer_its_features(lint: Lint, tmp_path: Path) -> None:
    for missing, name in (("", "wrong.py"), ("+ numbers", "right.py")):
        (tmp_path / name).write_text(TABLES.replace("MISSING", missing))
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    [error] = [finding for finding in report["findings"] if finding["severity"] == "error"]
    assert (Path(error["path"]).name, error["rule"]) == ("wrong.py", "RL301")
    assert "head expects 13 features, but gets (2, 18)" in error["message"]
    assert {module["status"] for module in report["modules"] if "Vectors" not in module["target"]} == {"checked"}


def test_what_the_file_constructs_is_named_if_no_input_fits(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(UNKNOWN)
    assert "Odd([(15, 8), (5, 3)], 5): line 11" in lint(tmp_path / "model.py").stdout
