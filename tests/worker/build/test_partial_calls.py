"""Constructor calls that a script states in part: known arguments are used, the others guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Lint

# Only with three layers and an odd width the sizes fit; `words` is nowhere to be had.
NET = """
import torch
from torch import nn

class Tagger(nn.Module):
    def __init__(self, kind, words, width, rounds, extra):
        super().__init__()
        if kind not in ("GRU", "LSTM"):
            raise ValueError("invalid kind of cell")
        self.embed = nn.Embedding(words, width)
        self.cell = getattr(nn, kind)(width, width, rounds, batch_first=True)
        self.head = nn.Linear(width + extra, words)

    def forward(self, ids):
        x, _ = self.cell(self.embed(ids))
        return self.head(x)
"""
SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--kind", default="GRU")
parser.add_argument("--width", type=int, default=21)
parser.add_argument("--extra", type=int, default=@)
args = parser.parse_args()
corpus = open("corpus.txt").read().split()
"""
CALLS = {
    "at module level": "model = Tagger(args.kind, len(set(corpus)), args.width, 3, extra=args.extra)\n",
    "inside another module": (
        "model = nn.Sequential(Tagger(args.kind, len(set(corpus)), args.width, 3, extra=args.extra), nn.Softmax(-1))\n"
    ),
    "in a function that is never called": (
        "def train(config):\n    words = config.load()\n"
        "    return run(Tagger(args.kind, words, args.width, 3, extra=args.extra))\n"
    ),
}


def checked(lint: Lint, folder: Path, source: str) -> tuple[dict[str, Any], list[str]]:
    """What became of the class, and the rules of the errors."""
    path = folder / "model.py"
    path.write_text(source)
    report = json.loads(lint(path, "--format", "json").stdout)
    errors = [finding["rule"] for finding in report["findings"] if finding["severity"] == "error"]
    return report["modules"][0], errors


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_is_known_of_a_call_is_used(lint: Lint, tmp_path: Path, call: str) -> None:
    status, errors = checked(lint, tmp_path, NET + SCRIPT.replace("@", "0") + call)
    assert (status["status"], errors) == ("checked", [])
    assert "kind=args.kind, " in status["how"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_fails_for_any_unknown_arguments_is_an_error_if_the_call_is_made(
    lint: Lint, tmp_path: Path, call: str
) -> None:
    is_made = "def train" not in call
    status, errors = checked(lint, tmp_path, NET + SCRIPT.replace("@", "2") + call)
    assert (status["status"], errors) == (("checked", ["RL301"]) if is_made else ("failed", []))


def test_a_number_that_fits_is_found_for_an_unknown_argument(lint: Lint, tmp_path: Path) -> None:
    net = NET.replace("width + extra, words", "words + extra, 5")
    call = CALLS["at module level"].replace("args.width, 3", "width=args.width, rounds=3")
    status, errors = checked(lint, tmp_path, net + SCRIPT.replace("@", "2") + call)
    assert (status["status"], errors) == ("checked", [])


CONVOLUTION = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.second = nn.Conv2d(outputs, 8, 3)

    def forward(self, x):
        return self.second(self.first(x))

model = Net(16, @).to(open("device.txt").read())
"""


@pytest.mark.parametrize(("outputs", "errors"), [("16", []), ("12", ["RL301"])])
def test_a_call_that_is_known_as_a_whole_decides(lint: Lint, tmp_path: Path, outputs: str, errors: list[str]) -> None:
    status, found = checked(lint, tmp_path, CONVOLUTION.replace("@", outputs))
    assert (status["status"], status["how"], found) == ("checked", f"Net(width=16, outputs={outputs})", errors)
