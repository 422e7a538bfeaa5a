"""Views of square images, whose height and width RL305 has to tell apart."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

VIEWS = """
import torch
from torch import nn


class Shuffle(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.view(n, 2, h, c // 2, w)  # wrong
        return self.last(x.transpose(1, 2).reshape(n, c, h, w))


class Windows(nn.Module):
    def __init__(self, width=8, size=4):
        super().__init__()
        self.conv, self.fc, self.size = nn.Conv2d(3, width, 3, padding=1), nn.Linear(width, width), size

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        size = self.size
        y = x.view(n, h // size, size, w // size, size, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, size * size, c)
        return x + self.put_together(self.fc(y), (n, h // size, w // size, size, size, c)).reshape(x.shape)

    def put_together(self, windows, sizes):
        return windows.view(sizes).permute(0, 1, 3, 2, 4, 5)


class Stripes(Windows):
    def put_together(self, windows, sizes):
        n, rows, columns, size, _, c = sizes
        return windows.view(sizes).reshape(n, rows * size, columns * size, c)  # wrong


class OnlySquare(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.patches, self.last = nn.Conv2d(3, width, 4, stride=4), nn.Conv2d(width, width, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        n, tokens, c = x.shape
        side = round(tokens**0.5)
        return self.last(x.transpose(1, 2).reshape(n, c, side, side))


for model in Shuffle(), Windows(), Stripes(), OnlySquare():
    model(torch.randn(2, 3, 16, 16))
"""


def test_a_view_is_blamed_for_one_side_of_a_square_image(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(VIEWS)
    report = json.loads(lint(tmp_path / "model.py", "--format", "json").stdout)
    wrong = [number for number, line in enumerate(VIEWS.splitlines(), 1) if line.endswith("# wrong")]
    found = [(finding["rule"], finding["start"]["line"]) for finding in report["findings"]]
    assert found == [("RL305", line) for line in wrong]
    assert [module["status"] for module in report["modules"]] == ["checked"] * 4
