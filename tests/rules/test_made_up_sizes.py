"""Sizes that a generated test made up, all of them the same, are no evidence for RL211; other sizes are."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

ATTENTION = """
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.head_dim = heads, width // heads
        self.keys, self.queries, self.fc = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, values, keys, query, mask):
        n, length = query.shape[:2]
        values = values.reshape(n, values.shape[1], self.heads, self.head_dim)
        keys = self.keys(keys).reshape(n, keys.shape[1], self.heads, self.head_dim)
        queries = self.queries(query).reshape(n, length, self.heads, self.head_dim)
        energy = torch.einsum("nqhd,nkhd->nhqk", queries, keys)
        weights = energy.masked_fill(mask == 0, float("-1e20")).softmax(3)
        return self.fc(torch.einsum("nhql,nlhd->nqhd", weights, values).reshape(n, length, -1))



if __name__ == "__main__":
    CALL
"""

MADE_UP = "Attention(4, 4)(torch.rand(4, 4, 4), torch.rand(4, 4, 4), torch.rand(4, 4, 4), torch.rand(4, 4, 4))"
MEANT = "Attention(6, 3)(torch.rand(3, 4, 6), torch.rand(3, 4, 6), torch.rand(3, 4, 6), torch.rand(3, 4, 4))"


def test_only_sizes_that_tell_axes_apart_are_evidence(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(ATTENTION.replace("CALL", MADE_UP))
    (tmp_path / "meant.py").write_text(ATTENTION.replace("CALL", MEANT))
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    found = [(Path(finding["path"]).name, finding["rule"], finding["start"]["line"]) for finding in report["findings"]]
    assert found == [("meant.py", "RL211", 18)]
