"""Forward passes that change the list that they get, and scripts with sparse tensors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

HEAD = """
import torch
from torch import nn

class Detect(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.m = nn.ModuleList(nn.Conv2d(c, 18, 1) for c in channels)
    def forward(self, x):
        for i, m in enumerate(self.m):
            x[i] = m(x[i])
            n, _, h, w = x[i].shape
            x[i] = x[i].view(n, 3, 6, h, w).permute(0, 1, 3, 4, 2)
        return x if self.training else torch.cat([y.reshape(n, -1, 6) for y in x], 1)

Detect((8, 16))([torch.randn(2, {channels}, 12, 16), torch.randn(2, 16, 6, 8)])
"""

SPARSE = """
import numpy as np
import torch
from torch import nn

class Propagate(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 4)
    def forward(self, x, adjacency):
        return self.fc(torch.sparse.mm(adjacency.float(), x))

def made(n):
    index = torch.from_numpy(np.asarray([np.arange(n), np.arange(n)]))
    return torch.sparse_coo_tensor(index, np.ones(n), (n, n), dtype=torch.float64).coalesce()

Propagate()(torch.randn(3, 10), made(3))
"""

PERMUTED = """
import torch
from torch import nn

class Columns(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
    def forward(self, x):
        return self.conv(x).mean(2, keepdim=True).permute(0, 2, 1)

Columns()(torch.randn(2, 3, 8, 16))
"""


@pytest.mark.parametrize(
    ("script", "errors"),
    [(HEAD.format(channels=8), []), (HEAD.format(channels=9), ["RL301"]), (SPARSE, []), (PERMUTED, ["RL303"])],
    ids=[
        "a head that assigns to its input",
        "such a head with a wrong input",
        "a sparse matrix",
        "an error about axes that names sparse tensors",
    ],
)
def test_an_error_of_python_only(script: str, errors: list[str], tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "train.py").write_text(script)
    found = json.loads(lint("--format", "json", tmp_path / "train.py").stdout)["findings"]
    assert [finding["rule"] for finding in found if finding["severity"] == "error"] == errors
