"""torchvision's data sets need no files: a script that trains on one is played with a batch of its images."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

# As in torchvision, some attributes of some data sets are properties.
DATASETS = """
class MNIST:
    def __init__(self, root, train=True, transform=None, download=False):
        raise RuntimeError("Dataset not found. You can use download=True to download it")
    @property
    def class_to_idx(self):
        return {name: index for index, name in enumerate(self.classes)}
"""
SCRIPT = """
import torch
import torch.nn as nn
from torch.utils.data import DataLoader
from torchvision import datasets

class Generator(nn.Module):
    def __init__(self, latent=16, classes=10):
        super().__init__()
        self.label, self.fc = nn.Embedding(classes, latent), nn.Linear(latent, 28 * 28)
    def forward(self, z, labels):
        return self.fc(z * self.label(labels)).view(-1, 1, 28, 28)

generator, critic = Generator(), nn.Sequential(nn.Flatten(), nn.Linear(@, 1))
data = datasets.MNIST("data", transform=lambda image: torch.zeros(1, image.height, image.width), download=True)
for epoch in range(3):
    for number, (images, labels) in enumerate(DataLoader(data, batch_size=32, shuffle=True)):
        made = generator(torch.randn(len(images), 16), labels)
        loss = (critic(made) - critic(images)).mean()
        loss.backward()
"""


def test_a_script_that_trains_on_mnist(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").touch()
    (tmp_path / "torchvision" / "datasets.py").write_text(DATASETS)
    found = {}
    for name, features in (("right", "784"), ("wrong", "768")):
        (tmp_path / f"{name}.py").write_text(SCRIPT.replace("@", features))
        report = json.loads(lint(tmp_path / f"{name}.py", "--format", "json").stdout)
        assert [module["input"]["fed"] for module in report["modules"]] == ["z=32x16 labels=32:int64"]
        found[name] = [finding["rule"] for finding in report["findings"] if finding["severity"] == "error"]
    assert found == {"right": [], "wrong": ["RL301"]}
