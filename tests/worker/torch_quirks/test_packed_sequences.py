"""Packed sequences: their sizes depend on lengths, which a trace doesn't know."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint

TAGGER = """
import torch
from torch import nn
class Tagger(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.rnn = nn.GRU(6, width, batch_first=True, bidirectional=True)
        self.fc = nn.Linear({features}, 5)
    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.fc(x)
if __name__ == "__main__":
    Tagger()(torch.randn(3, 9, 6), {lengths})
"""


@pytest.mark.parametrize("lengths", ["torch.tensor([9, 7, 7])", "[9, 7, 7]"])
def test_lengths_are_no_reason_to_fail(lint: Lint, tmp_path: Path, lengths: str) -> None:
    file = tmp_path / "tagger.py"
    file.write_text(TAGGER.format(features=16, lengths=lengths))
    result = lint(file, "--jobs", 1)
    assert result.exit_code == 0
    assert "1 class checked, 0 not checked" in result.output


def test_a_wrong_layer_behind_packed_sequences_is_found(lint: Lint, tmp_path: Path) -> None:
    file = tmp_path / "tagger.py"
    file.write_text(TAGGER.format(features=8, lengths="torch.tensor([9, 7, 7])"))
    result = lint(file, "--format", "concise", "--jobs", 1)
    assert "tagger.py:12:16: error: RL301 [*] fc expects 8 features, but gets (3, 9, 16)" in result.output
