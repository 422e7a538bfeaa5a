"""Models of one image size that is no square: they are fed images of their size, and a missing token is found."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

MODELS = """
import torch
from torch import nn


class Plate(nn.Module):
    \"\"\"24 x 92.\"\"\"

    def __init__(self, classes=68):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, 1, 1), nn.MaxPool2d(2)
        )
        self.positions = nn.Parameter(torch.zeros(1, 6 * 23, 32))
        self.fc = nn.Linear(32 * 6 * 23, 8 * classes)

    def forward(self, x):
        x = self.conv(x).flatten(2).transpose(1, 2) + self.positions
        return self.fc(x.flatten(1))


class Pilot(nn.Module):
    \"\"\"66 x 200, without padding.\"\"\"

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(3, 24, 5, 2), nn.Conv2d(24, 36, 5, 2), nn.Conv2d(36, 48, 5, 2),
            nn.Conv2d(48, 64, 3), nn.Conv2d(64, 64, 3),
        )
        self.fc = nn.Linear(64 * 18, 100)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


class Spectrogram(nn.Module):
    \"\"\"128 x 1024, and a token.\"\"\"

    def __init__(self, width=32):
        super().__init__()
        self.patches, self.token = nn.Conv2d(1, width, 16, 16), nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 8 * 64 + 1, width))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions


class WithoutPlaceForToken(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, width, 4, 4), nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 8 * 8, width))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions  # wrong
"""


def test_a_size_is_found_unless_a_token_has_no_position(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    [wrong] = [number for number, line in enumerate(MODELS.splitlines(), 1) if line.endswith("# wrong")]
    assert [(found["rule"], found["start"]["line"]) for found in report["findings"]] == [("RL303", wrong)]
    assert {module["status"] for module in report["modules"]} == {"checked"}
