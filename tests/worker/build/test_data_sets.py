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

class FashionMNIST(MNIST):
    pass  # constructed like its parent

class ImageFolder:
    def __init__(self, root, transform=None, target_transform=None, loader=None):
        self.root, self.classes = root, []
        raise FileNotFoundError(f"Couldn't find any class folder in {root}.")
    def __getitem__(self, index):
        return self.samples[index]
    def __len__(self):
        return len(self.samples)

class SVHN(MNIST):
    def __init__(self, root, split="train", transform=None, target_transform=None, download=False):
        raise RuntimeError("Dataset not found or corrupted. You can use download=True to download it")
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


def with_torchvision(folder: Path) -> None:
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").touch()
    (folder / "torchvision" / "datasets.py").write_text(DATASETS)


def test_a_script_that_trains_on_mnist(lint: Lint, tmp_path: Path) -> None:
    with_torchvision(tmp_path)
    found = {}
    for name, features in (("right", "784"), ("wrong", "768")):
        (tmp_path / f"{name}.py").write_text(SCRIPT.replace("@", features))
        report = json.loads(lint(tmp_path / f"{name}.py", "--format", "json").stdout)
        assert [module["input"]["fed"] for module in report["modules"]] == ["z=32x16 labels=32:int64"]
        found[name] = [finding["rule"] for finding in report["findings"] if finding["severity"] == "error"]
    assert found == {"right": [], "wrong": ["RL301"]}


SPLIT = """
import torch
from torch import nn
from torch.utils.data import DataLoader, random_split
from torchvision.datasets import FashionMNIST

def main():
    full = FashionMNIST("data", transform=lambda image: torch.zeros(1, image.height, image.width))
    train, val = random_split(full, [55000, 5000], generator=torch.Generator().manual_seed(3))
    net = nn.Sequential(nn.Flatten(), nn.Linear(@, 10))
    for images, labels in DataLoader(train, batch_size=32, shuffle=True):
        nn.functional.cross_entropy(net(images), labels).backward()

if __name__ == "__main__":
    main()
"""
KEPT = """
import torch
from torch import nn
from torchvision.datasets import MNIST, SVHN

train, digits = MNIST("data", train=True), SVHN("data", "test")
x, y = train.data.view(-1, 784).float() / 255, train.targets
wanted = torch.where((y == 3) | (y == 7))[0]
net, convolution = nn.Linear(@, 2), nn.Conv2d(3, 8, 3)
for start in range(0, len(wanted), 128):
    places = wanted[start : start + 128]
    loss = nn.functional.cross_entropy(net(x[places]), (y[places] == 7).long())
    loss.backward()
    break
out = convolution(torch.from_numpy(digits.data[:10] / 255.0).float())
assert len(digits) == digits.labels.shape[0] == 26032
"""
# The second data set reads images itself, whose sizes differ, and resizes them.
FOLDERS = """
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import ImageFolder

def resized(image):
    return torch.zeros(3, 16, 16) if image.resize((16, 16)).mode == "RGB" else None

class Files(Dataset):
    def __len__(self):
        return 40
    def __getitem__(self, index):
        return resized(Image.open(f"{index}.jpg")), index % 2

folder = ImageFolder("flowers/train", resized)
net, pair = (nn.Sequential(nn.Flatten(), nn.Linear(@, n)) for n in (len(folder.classes), 2))
for images, labels in DataLoader(folder, 8, shuffle=True):
    nn.functional.cross_entropy(net(images), labels).backward()
print(100 / len(folder), folder.targets[0])
for images, labels in DataLoader(Files(), 8, shuffle=True):
    nn.functional.cross_entropy(pair(images), labels).backward()
"""
# What only the files of a data set would tell.
UNKNOWN = """
import torch
from torch import nn
from torchvision.datasets import MNIST

class Digits(MNIST):
    def __init__(self, root):
        super().__init__(root)
        self.groups = self.sections.unsqueeze(1)

digits = Digits("data")
out = nn.Linear(784, 10)(torch.randn(3, 784))
"""


def test_scripts_that_split_and_read_data_sets(lint: Lint, tmp_path: Path) -> None:
    with_torchvision(tmp_path)
    for name, source, right in (("split", SPLIT, "784"), ("kept", KEPT, "784"), ("folders", FOLDERS, "768")):
        for verdict, features in (("right", right), ("wrong", "760")):
            (tmp_path / f"{name}_{verdict}.py").write_text(source.replace("@", features))
    (tmp_path / "unknown.py").write_text(UNKNOWN)
    findings = json.loads(lint(tmp_path, "--format", "json").stdout)["findings"]
    errors = [(Path(each["path"]).name, each["rule"]) for each in findings if each["severity"] == "error"]
    assert sorted(errors) == [(f"{name}_wrong.py", "RL301") for name in ("folders", "folders", "kept", "split")]
