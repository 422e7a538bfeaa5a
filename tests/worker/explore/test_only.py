"""`PATH::NAME`: findings that occur while one class or function is constructed and run, on any line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

MODEL = """
from torch import nn

class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
    def forward(self, x):
        return x + self.conv(x)

class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.block = Block(16, 32, 2)
    def forward(self, x):
        return self.block(self.stem(x))

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
    def forward(self, x):
        return x + self.conv(x)

def net(classes=5):
    return Net(classes)

def plain():
    return Plain()

def sized(classes):
    return Net(classes)
"""


@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("Net", [], [(9, "RL103")]),
        ("net", [], [(9, "RL103")]),
        ("Block", [], [(9, "RL103")]),
        ("sized", ["--call", "sized(3)"], [(9, "RL103")]),
        ("sized", [], [(32, "RL003")]),
        ("Plain", [], []),
        ("plain", [], []),
    ],
)
def test_a_name_is_all_that_is_met(
    name: str, options: list[str], found: list[tuple[int, str]], lint: Lint, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    result = lint(f"{tmp_path / 'model.py'}::{name}", "--format", "json", *options)
    report = json.loads(result.stdout)
    assert [(finding["start"]["line"], finding["rule"]) for finding in report["findings"]] == found
    assert report["summary"]["checked"] > 0 or name == "sized"


def test_a_name_that_the_file_lacks(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    result = lint(f"{tmp_path / 'model.py'}::Quux")
    assert result.exit_code == 2
    assert (
        "defines no nn.Module class or function Quux; it defines Block, Net, Plain, net, plain, sized" in result.stderr
    )
