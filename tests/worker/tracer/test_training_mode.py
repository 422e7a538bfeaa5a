"""A script that calls a model in training mode is checked on the path of training mode."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

NETS = """
import random
import torch
from torch import nn


class Reid(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(WIDTH, 10)

    def forward(self, x):
        x = self.features(x)
        if not self.training:
            return x
        return self.classifier(x), x


class Skipped(nn.Module):
    # a layer is left out at random
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x):
        if self.training and random.random() < 0.5:
            return x
        return x + self.fc(x)


if __name__ == "__main__":
    net, criterion = Reid(), nn.CrossEntropyLoss()
    for epoch in range(2):
        net.train()
        score, features = net(torch.randn(4, 3, 24, 24))
        loss = criterion(score, torch.randint(10, (LABELS,))) + Skipped()(features).mean()
        net.eval()
        rows = net(torch.randn(4, 3, 24, 24))
        print(rows @ rows.t())
"""


def test_the_path_of_training_mode_is_checked(lint: Lint, tmp_path: Path) -> None:
    for name, width, labels in (("right.py", "16", "4"), ("layer.py", "32", "4"), ("loss.py", "16", "8")):
        (tmp_path / name).write_text(NETS.replace("WIDTH", width).replace("LABELS", labels))
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    found = {(Path(f["path"]).name, f["rule"]) for f in report["findings"] if f["severity"] != "info"}
    assert found == {("layer.py", "RL301"), ("loss.py", "RL303")}
    assert {module["status"] for module in report["modules"]} == {"checked"}
