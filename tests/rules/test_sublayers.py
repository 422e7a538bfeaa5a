"""Transformer blocks whose skip connections RL212 has to recognise."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

BLOCKS = """
import torch
from torch import nn


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(16, 2, batch_first=True)
        self.cross_attn = nn.MultiheadAttention(16, 2, batch_first=True)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(16), nn.LayerNorm(16), nn.LayerNorm(16)
        self.ff = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, queries, memory):
        queries = self.norm1(queries + self.self_attn(queries, queries, queries)[0])
        queries = self.norm2(queries + self.cross_attn(queries, memory, memory)[0])
        return self.norm3(queries + self.ff(queries))


class Queries(nn.Module):
    def __init__(self):
        super().__init__()
        self.queries = nn.Parameter(torch.zeros(3, 16))
        self.decoder = Decoder()

    def forward(self, memory):
        return self.decoder(self.queries.unsqueeze(0).expand(len(memory), -1, -1), memory)


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mix = nn.Conv2d(16, 8, 1)
        self.ff = nn.Sequential(nn.Conv2d(8, 16, 1), nn.GELU(), nn.Conv2d(16, 8, 1))

    def forward(self, x):
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        mixed = self.attn(tokens, tokens, tokens)[0].transpose(1, 2).reshape(x.shape)
        x = x + self.mix(torch.cat([mixed, x.sigmoid()], dim=1))
        return x + self.ff(x)


Queries()(torch.randn(2, 5, 16))
Mixed()(torch.randn(2, 8, 6, 5))
"""


def test_skips_of_parameters_and_around_what_mixes_an_attention(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(BLOCKS)
    report = json.loads(lint(tmp_path / "model.py", "--format", "json").stdout)
    assert report["findings"] == []
    assert [module["status"] for module in report["modules"]] == ["checked"] * 3
