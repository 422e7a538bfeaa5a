"""Hints for a layer whose input has the expected size on another axis."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint

NET = """\
import torch
from torch import nn


class Mean(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return x.mean(self.axis)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = {layer}

    def forward(self, x):
        return self.layer(x)


Net()(torch.zeros({shape}))
"""


CONV = "nn.Conv1d(3, 8, 3, padding=1)"


@pytest.mark.parametrize(
    ("layer", "shape", "hint"),
    [
        ("nn.Conv2d(3, 8, 3)", "2, 20, 24, 3", "x.permute(0, 3, 1, 2)"),
        ("nn.Conv2d(24, 8, 3)", "2, 3, 24, 24", "set in_channels=3 on layer"),
        ("nn.LayerNorm(64)", "2, 64, 20, 24", "x.permute(0, 2, 3, 1)"),
        ("nn.LayerNorm(64)", "2, 64, 49", "x.transpose(1, 2)"),
        ("nn.Linear(64, 4)", "2, 49, 65", "set in_features=65 on layer"),
        ("nn.Linear(10, 4)", "10, 32", "x.T"),
        ("nn.Linear(11, 4)", "10, 32", "set in_features=32 on layer"),
        (f"nn.Sequential({CONV}, Mean(1), nn.Linear(8, 4))", "2, 3, 50", "(2, 8, 50) with the 8 features"),
        (f"nn.Sequential({CONV}, Mean(2), nn.Linear(9, 4))", "2, 3, 50", "set in_features=8 on layer.2"),
    ],
)
def test_the_axis_decides(layer: str, shape: str, hint: str, lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET.format(layer=layer, shape=shape))
    result = lint(tmp_path / "net.py")
    assert "RL301" in result.stdout
    assert hint in result.stdout
