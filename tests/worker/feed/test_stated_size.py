"""The image size that a model states decides whether a stride is missing; one that is out of date does not."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

CODE = """import torch
from torch import nn


class Unit(nn.Module):
    def __init__(self, inp, out, stride):
        super().__init__()
        self.conv = nn.Conv2d(inp, out, 3, stride, 1)

    def forward(self, x):
        return torch.relu(self.conv(x))


class Net(nn.Module):
    def __init__(self, make, in_size):
        super().__init__()
        self.in_size = in_size
        self.features = make()
        self.pool = nn.AvgPool2d(8)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.pool(self.features(x)).flatten(1))


def strided():
    features, width = nn.Sequential(), 3
    for i, out in enumerate([16, 32, 32]):
        stride = 1 if i == 0 else 2
        features.append(Unit(width, out, stride))
        width = out
    return features


def lost():
    features, width = nn.Sequential(), 3
    for i, out in enumerate([16, 32, 32]):
        stride = 1 if i == 0 else 2
        features.append(Unit(width, out, 1))
        width = out
    return features


def right(in_size=(32, 32)):
    return Net(strided, in_size)


def out_of_date(in_size=(64, 64)):
    return Net(strided, in_size)


def broken(in_size=(32, 32)):
    return Net(lost, in_size)


class Unflattened(Net):
    def forward(self, x):
        return self.head(self.pool(self.features(x)))


def map_to_head(in_size=(32, 32)):
    return Unflattened(strided, in_size)


class Rows(nn.Module):
    def __init__(self, img_size=32):
        super().__init__()
        self.conv = nn.Conv2d(1, 32, 3, padding=1)
        self.rows = nn.Linear(32, 10)

    def forward(self, x):
        return self.rows(self.conv(x))
"""


def test_what_is_wrong_at_the_stated_size(lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(CODE)
    findings = json.loads(lint(path, "--format", "json").stdout)["findings"]
    found = {finding["target"]: finding for finding in findings}
    assert len(found) == len(findings) and sorted(found) == ["broken()", "map_to_head()"]
    assert found["broken()"]["message"] == "head expects 32 features, but gets (2, 512)"
    edits = {name: [edit["text"] for edit in finding["fix"]["edits"]] for name, finding in found.items()}
    assert edits == {"broken()": ["stride"], "map_to_head()": ["torch.flatten(self.pool(self.features(x)), 1)"]}
    assert {finding["fix"]["applicability"] for finding in findings} == {"safe"}
