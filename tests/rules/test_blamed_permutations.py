"""A permutation is blamed for what goes wrong in a later line, if it alone explains it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

ATTENTION = """
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width=24, heads=2):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads)
        qkv = qkv.permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        x = (q @ k.transpose(-2, -1)).softmax(-1) @ v
        x = x.transpose(1, 2)
        return self.out(x.reshape(b, n, c))


class Block(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), Attention(width)

    def forward(self, x):
        return x + self.attention(self.norm(x))


if __name__ == "__main__":
    Block()(torch.randn(1, 9, 24))
"""

HEADS = """
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width=24, heads=2):
        super().__init__()
        self.heads, self.out = heads, nn.Linear(width, width)
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))

    def split(self, x, is_key=False):
        x = x.reshape(x.size(0), x.size(1), self.heads, -1)
        if is_key:
            return x.permute(0, 2, 3, 1)
        return x.permute(0, 2, 1, 3)

    def forward(self, x):
        q, k, v = self.split(self.q(x)), self.split(self.k(x), is_key=True), self.split(self.v(x))
        x = (q @ k).softmax(-1) @ v
        return self.out(x.permute(0, 2, 1, 3).flatten(2))


if __name__ == "__main__":
    Attention()(torch.randn(2, 9, 24))
"""


def _found(lint: Lint, path: Path, source: str) -> list[tuple[str, str]]:
    """The rules and the code of the lines with findings."""
    path.write_text(source)
    report = json.loads(lint("--format", "json", "--ignore", "RL307", str(path)).stdout)
    lines = source.splitlines()
    return [(finding["rule"], lines[finding["start"]["line"] - 1].strip()) for finding in report["findings"]]


@pytest.mark.parametrize(
    ("wrong", "tokens"),
    [
        pytest.param("qkv.permute(2, 3, 0, 1, 4)", 9, id="heads before the batch"),
        pytest.param("qkv.permute(2, 0, 3, 4, 1)", 6, id="features before the tokens, as many as half of them"),
    ],
)
def test_of_queries_keys_and_values(wrong: str, tokens: int, tmp_path: Path, lint: Lint) -> None:
    source = ATTENTION.replace("qkv.permute(2, 0, 3, 1, 4)", wrong).replace("(1, 9, 24)", f"(1, {tokens}, 24)")
    assert _found(lint, tmp_path / "model.py", source) == [("RL305", f"qkv = {wrong}")]


def test_in_a_method_of_the_block(tmp_path: Path, lint: Lint) -> None:
    source = HEADS.replace("return x.permute(0, 2, 3, 1)", "return x.permute(2, 0, 3, 1)")
    assert _found(lint, tmp_path / "model.py", source) == [("RL211", "return x.permute(2, 0, 3, 1)")]


def test_not_one_that_another_order_would_hide(tmp_path: Path, lint: Lint) -> None:
    """Without the transpose behind it, attention along the heads would be in order too."""
    source = ATTENTION.replace("        x = x.transpose(1, 2)\n", "")
    assert _found(lint, tmp_path / "model.py", source) == [("RL305", "return self.out(x.reshape(b, n, c))")]


@pytest.mark.parametrize("source", [ATTENTION, HEADS, ATTENTION.replace("9, 24", "6, 24")])
def test_none_if_all_is_right(source: str, tmp_path: Path, lint: Lint) -> None:
    assert _found(lint, tmp_path / "model.py", source) == []
