"""Faults of classes whose arguments are guessed: errors if they occur for any numbers, else a reason not to check."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

MODELS = """
import torch
from torch import nn


class Head(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 256, 3, padding=1)
        self.fc = nn.Linear(512, num_classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))  # wrong


class Policy(nn.Module):
    def __init__(self, input_dim, n_actions, hidden=48):
        super().__init__()
        self.a, self.b = nn.Linear(input_dim, hidden), nn.Linear(hidden, hidden * 2)
        self.c = nn.Linear(hidden * 2, n_actions)

    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.c(x + self.b(x))  # wrong


class Fixed(nn.Module):
    \"\"\"Works for `growth=24` only, which is found.\"\"\"

    def __init__(self, growth, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, growth, 3, padding=1)
        self.fc = nn.Linear(24, num_classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class Versions(nn.Module):
    def __init__(self, version, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, {1: 16, 2: 32}.get(version, 64), 3, padding=1)
        self.fc = nn.Linear({1: 16, 2: 32}.get(version, 128), num_classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))
"""


def test_what_fails_for_any_numbers_is_an_error(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    wrong = [number for number, line in enumerate(MODELS.splitlines(), 1) if line.endswith("# wrong")]
    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    assert [(finding["start"]["line"], finding["rule"]) for finding in errors] == list(
        zip(wrong, ("RL301", "RL101"), strict=True)
    )
    assert [(finding["rule"], finding["module"]) for finding in report["findings"] if finding not in errors] == [
        ("RL004", "Versions")
    ]
