"""The first layer of a library's model is replaced in the user's file, where the model is constructed."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint
from fixing import findings, fix, write

LIBRARY = """from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, x):
        return self.conv1(x)


def resnet(weights=None):
    return Net()
"""

USER = """import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "site-packages"))
import torch
from segmentation_models_pytorch import resnet
from torch import nn

model = resnet({})
model(torch.randn(2, 1, 32, 32))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site-packages").mkdir()
    write(tmp_path / "site-packages", LIBRARY, "segmentation_models_pytorch.py")
    return tmp_path


def test_the_layer_is_replaced_after_the_model_is_constructed(folder: Path, lint: Lint) -> None:
    path = write(folder, USER.format(""))
    assert fix(lint, path).added == ["model.conv1 = nn.Conv2d(1, 8, kernel_size=7, stride=2, padding=3, bias=False)"]


def test_pretrained_weights_are_not_dropped_by_fix_alone(folder: Path, lint: Lint) -> None:
    [finding] = findings(lint, write(folder, USER.format('weights="imagenet"')))
    assert (finding["fix"]["verified"], finding["fix"]["applicability"]) == (True, "unsafe")
