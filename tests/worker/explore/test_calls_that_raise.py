"""A call in the file itself that raises in Python is an error, unless the check itself may be the reason."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

import pytest
from conftest import Lint

NET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1)
{init}
    def forward(self, x):
{forward}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(3, 8), Block(8, 8))
    def forward(self, x):
        return self.blocks(x)
{script}
"""
CALL = "Net()(torch.zeros(1, 3, 16, 16))"

# The end of the constructor, the forward, and the script.
RAISES = {
    "none.py": ("self.down = nn.Conv2d(i, o, 1) if i != o else None", "return self.conv(x) + self.down(x)  # <-", CALL),
    "unset.py": ("if i != o:\n    self.down = nn.Conv2d(i, o, 1)", "return self.conv(x) + self.down(x)  # <-", CALL),
    "unbound.py": ("self.same = i == o", "if not self.same:\n    y = self.conv(x)\nreturn y  # <-", CALL),
    "not_an_instance.py": ("self.down = nn.Sequential", "return self.conv(x) + self.down(x)  # <-", CALL),
    "list.py": ("self.layers = [nn.ReLU()]", "return self.layers(self.conv(x))  # <-", CALL),
    "index.py": ("self.layers = nn.ModuleList([nn.ReLU()])", "return self.layers[1](self.conv(x))  # <-", CALL),
    "method.py": ("", "return self.conv(x).flaten(1)  # <-", CALL),
    "assertion.py": ("", "assert x.shape[1] == 3  # <-\nreturn self.conv(x)", CALL),
    "constructor.py": ("self.fc = nn.Linear(o / 2, 10)  # <-", "return self.conv(x)", CALL),
}
MAY_RUN = {
    "caught.py": ("", "assert x.shape[1] == 99\nreturn x", f"try:\n    {CALL}\nexcept AssertionError:\n    pass"),
    "values.py": (
        "self.last = None",
        "if x.sum() > 0:\n    self.last = x\nassert self.last is not None\nreturn self.conv(x)",
        CALL,
    ),
    "device.py": ("", "assert x.is_cuda, 'needs a GPU'\nreturn self.conv(x)", CALL),
    "set_by_data.py": (
        "self.head = None",
        "return self.head(self.conv(x))",
        "net = Block(3, 8)\nnet.head = nn.Conv2d(8, len(open('x').read()), 1)\nnet(torch.zeros(1, 3, 8, 8))",
    ),
}


def _write(folder: Path, files: dict[str, tuple[str, str, str]]) -> None:
    for name, (init, forward, script) in files.items():
        body = [indent(dedent(part), "        ") for part in (init, forward)]
        (folder / name).write_text(NET.format(init=body[0], forward=body[1], script=script))


def _marked(text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if "# <-" in line)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path, {**RAISES, **MAY_RUN})
    return tmp_path


def test_what_the_script_raises_is_an_error_at_its_line(folder: Path, lint: Lint) -> None:
    report = json.loads(lint(folder, "--format", "json").stdout)
    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    expected = {name: _marked((folder / name).read_text()) for name in RAISES}
    assert {Path(error["path"]).name: error["start"]["line"] for error in errors} == expected
    assert {error["rule"] for error in errors} == {"RL404"}
    advised = [f for f in report["findings"] if f["rule"] in ("RL003", "RL004") and Path(f["path"]).name in RAISES]
    assert advised == []  # no advice to make the call that fails
