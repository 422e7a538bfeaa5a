"""Models whose `train` returns nothing, as many that freeze their normalizations do."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from conftest import Lint
from torch import nn

import resnet_lint

MODEL = """
from torch import nn


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return x + x.mean(1)

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
"""


def test_a_class_whose_train_returns_nothing_is_checked(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    report = json.loads(lint(tmp_path / "model.py", "--format", "json").stdout)
    assert [module["status"] for module in report["modules"]] == ["checked"]
    assert [finding["rule"] for finding in report["findings"]] == ["RL104"]


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(x)
        return out

    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)


def test_an_object_whose_train_returns_nothing_is_checked() -> None:
    assert resnet_lint.check(Frozen(), torch.randn(1, 3, 8, 8)).findings == ()
