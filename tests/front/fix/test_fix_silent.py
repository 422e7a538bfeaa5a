"""Fixes of silent mistakes that depend on more than the mistake's own line."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint
from fixing import HEAD, build, fix, load, write

LAYERS = """
import torch.nn.functional as F
from torch import nn


class Act(nn.Module):
    def forward(self, x):
        return F.relu(x, inplace=True)
"""

BLOCK = """
from layers import Act
from torch import nn


class Block(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.act = Act()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        identity = x
        out = self.conv(self.act(x))
        return out + identity
"""

READ_AGAIN = f"""{HEAD}class Block(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        out = self.fc(x).sigmoid()
        gate = out
        out += x
        return out * gate
"""

CONTAINERS = f"""{HEAD}class Heads(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Linear(width, width)
        self.heads = {{
            "mean": nn.Linear(width, 1),  # the first
            "deviation": nn.Linear(width, 1),
        }}
        layers = [nn.Linear(width, width), nn.Linear(width, width)]
        self.tail = tuple(layers)

    def forward(self, x):
        x = self.stem(x)
        for layer in self.tail:
            x = x + layer(x)
        return {{name: head(x) for name, head in self.heads.items()}}
"""


def test_a_copy_is_kept_where_another_file_changes_the_tensor(lint: Lint, tmp_path: Path) -> None:
    layers, block = write(tmp_path, LAYERS, "layers.py"), write(tmp_path, BLOCK, "block.py")
    change = fix(lint, block, "--unsafe-fixes")
    assert (change.removed, change.added) == (["identity = x"], ["identity = x.clone()"])
    assert layers.read_text() == LAYERS


def test_out_of_place_is_unsafe_where_the_forward_reads_the_tensor_again(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, READ_AGAIN)
    assert lint(path, "--fix").exit_code == 1  # backward() fails, which the fix would fix; but not the values alone
    assert path.read_text() == READ_AGAIN
    change = fix(lint, path, "--unsafe-fixes")
    assert (change.removed, change.added) == (["out += x"], ["out = out + x"])


def test_plain_containers_become_those_of_torch_and_nothing_else_changes(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, CONTAINERS)
    before = load(path)["Heads"]().state_dict()
    change = fix(lint, path, "--unsafe-fixes")
    assert change.removed == ["self.heads = {", "}", "self.tail = tuple(layers)"]
    assert change.added == ["self.heads = nn.ModuleDict({", "})", "self.tail = nn.ModuleList(tuple(layers))"]
    after = build(path, "Heads()").state_dict()
    assert set(before) < set(after)
    assert {key.partition(".")[0] for key in set(after) - set(before)} == {"heads", "tail"}
