"""Models that a file pairs with inputs: tables, functions that return inputs, functions that return both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Lint

# It cannot be guessed that the two inputs have different widths, nor that they are sequences of 5 and 7.
PAIR = """
import torch
from torch import nn


class Pair(nn.Module):
    def __init__(self, left, right, out):
        super().__init__()
        self.left = nn.Linear(left, out)
        self.right = nn.Linear(right, out)

    def forward(self, batch):
        (a, b), mask = batch["sides"], batch["mask"]
        return self.left(a).sum(1) + self.right(b).sum(1) * mask[:, :1]
"""
INPUTS = '{"sides": (torch.rand(3, 5, 12), torch.rand(3, 7, 20)), "mask": torch.rand(3, 9)}'
TABLE = f"CASES = [(Pair, lambda: ([12, RIGHT, 6], {{}}), lambda: ([{INPUTS}], {{}}), True)]\n"
NAMED = f"""
def build_pair():
    return Pair(12, RIGHT, 6)

def made_up():
    return {INPUTS}

ZOO = {{"a pair": ("build_pair", "made_up", 2020)}}
"""
TOGETHER = f"""
def setup():
    model = Pair(12, RIGHT, 6)
    return model, {INPUTS}
"""


def check(lint: Lint, folder: Path, source: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The class that the file defines first, and the errors."""
    path = folder / "model.py"
    path.write_text(source)
    report = json.loads(lint(path, "--format", "json").stdout)
    return report["modules"][0], [finding for finding in report["findings"] if finding["severity"] == "error"]


@pytest.mark.parametrize(
    ("offer", "how"),
    [
        (TABLE, "CASES[0]"),
        (NAMED, "build_pair()"),
        (NAMED.replace('"a pair"', '"Pair"'), "build_pair()"),
        (NAMED.replace("made_up", "example_input_pair").replace("2020", "").replace("ZOO", "_"), "build_pair()"),
        (NAMED.replace("made_up()", "get_dummy_inputs(size=3)"), "build_pair()"),
        (TOGETHER, "setup()"),
    ],
)
def test_a_model_is_fed_what_the_file_offers(lint: Lint, tmp_path: Path, offer: str, how: str) -> None:
    right = check(lint, tmp_path, PAIR + offer.replace("RIGHT", "20"))
    assert (right[0]["status"], right[0]["how"], right[1]) == ("checked", how, [])
    _, [error] = check(lint, tmp_path, PAIR + offer.replace("RIGHT", "21"))
    assert error["rule"] == "RL301"
    assert "expects 21 features, but gets (3, 7, 20)" in error["message"]


def test_a_table_of_settings_is_no_table_of_examples(lint: Lint, tmp_path: Path) -> None:
    settings = (
        "def init(m):\n    raise SystemExit(3)\n\nSETTINGS = [(Pair, [1, 2, 3]), (Pair, init), ('Pair', {'a': 1})]\n"
    )
    module, errors = check(lint, tmp_path, PAIR + settings)
    assert errors == [] and "SETTINGS" not in str(module["how"])


def test_inputs_that_cannot_be_made_are_passed_over_and_named(lint: Lint, tmp_path: Path) -> None:
    broken = (
        "def build():\n    return Pair(12, 20, 6)\n\ndef example_input():\n    return torch.rand(3) + open('gone')\n"
    )
    _, errors = check(lint, tmp_path, PAIR + broken)
    assert errors == []
    shown = lint(tmp_path / "model.py", "--verbose").stdout
    assert "example_input() was skipped: FileNotFoundError" in shown


PICKS = """
import torch
from torch import nn


class Picks(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, {width})

    def forward(self, x, index):
        chosen = x[index > 2]
        if len(chosen) != 2:
            raise ValueError("two are above 2")
        return self.layer(chosen) + chosen


def example_inputs():
    return torch.rand(4, 6), torch.tensor([1, 2, 3, 4])
"""


def test_a_forward_that_depends_on_values_runs_on_those_of_the_file(lint: Lint, tmp_path: Path) -> None:
    module, errors = check(lint, tmp_path, PICKS.format(width=6))
    assert (module["status"], errors) == ("checked", [])
    _, [error] = check(lint, tmp_path, PICKS.format(width=5))
    assert error["rule"] == "RL101"


ODD_INPUTS = """
import torch
from torch import nn


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(4, 3)
        self.fc = nn.Linear(3, {width})

    def forward(self, t, x):
        return self.fc(x[:, {start}:]) + self.embed.weight.sum() + t


class Fine(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.conv(x) + x
"""


@pytest.mark.parametrize(("width", "start"), [(3, 0), (3, 100), (3, 2), (0, 1)])
def test_no_input_is_too_odd_for_the_tool(lint: Lint, tmp_path: Path, width: int, start: int) -> None:
    path = tmp_path / "odd.py"
    path.write_text(ODD_INPUTS.format(width=width, start=start))
    result = lint(path, "--format", "json")
    assert result.exit_code in (0, 1)
    assert {module["target"].rpartition("::")[2]: module["status"] for module in json.loads(result.stdout)["modules"]}[
        "Fine"
    ] == "checked"
