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
"""


def test_a_lost_stride_is_found_at_the_stated_size(lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(CODE)
    findings = json.loads(lint(path, "--format", "json").stdout)["findings"]
    assert [(finding["rule"], finding["target"]) for finding in findings] == [("RL301", "broken()")]
    [finding] = findings
    assert finding["message"] == "head expects 32 features, but gets (2, 512)"
    [edit] = finding["fix"]["edits"]
    assert (edit["start"]["line"], edit["text"]) == (39, "stride")
    assert finding["fix"]["applicability"] == "safe"
