"""The blocks of a model that accepts one size only, or ends early: mistakes inside them are found all the same."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint

VISION = """
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, c))


class Block(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width)
        self.mlp = nn.Sequential(nn.Linear(width, 48), nn.GELU(), nn.Linear(48, width))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vision(nn.Module):
    def __init__(self, width=32, size=32):
        super().__init__()
        self.size = size
        self.patches = nn.Conv2d(3, width, 8, stride=8)
        self.positions = nn.Parameter(torch.zeros(1, 16, width))
        self.blocks = nn.Sequential(Block(width), Block(width))

    def forward(self, x):
        assert x.shape[-1] == self.size
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.blocks(x).mean(1)


if __name__ == "__main__":
    Vision()(torch.randn(2, 3, 32, 32))
"""


def test_a_mistake_in_a_block_of_a_model_of_one_size(lint: Lint, tmp_path: Path) -> None:
    models = {
        "heads": VISION.replace("(weights @ v).transpose(1, 2).reshape", "(weights @ v).reshape"),
        "queries": VISION.replace("softmax(-1)", "softmax(-2)"),
        "right": VISION,
    }
    for name, source in models.items():
        (tmp_path / f"{name}.py").write_text(source)
    shown = lint(tmp_path, "--format", "concise", "--jobs", "1").output.splitlines()[:-1]
    assert [(Path(line.partition(":")[0]).stem, "RL305" in line) for line in shown] == [
        ("heads", True),
        ("queries", True),
    ]


STOPPED = """
import absent
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        return x + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 8, 3), Block()

    def forward(self, x):
        return absent.decode(self.block(self.stem(x)))


Net()(torch.randn(2, 3, 16, 20))
"""


def test_a_mistake_in_a_block_that_ran_before_the_model_ended_early(lint: Lint, tmp_path: Path) -> None:
    right = STOPPED.replace("x = self.conv(x)", "y = self.conv(x)").replace("x + x", "x + y")
    (tmp_path / "wrong.py").write_text(STOPPED)
    (tmp_path / "right.py").write_text(right)
    shown = lint(tmp_path, "--format", "concise", "--jobs", "1", "--select", "RL202").output.splitlines()[:-1]
    assert [Path(line.partition(":")[0]).stem for line in shown if "RL202" in line] == ["wrong"]
