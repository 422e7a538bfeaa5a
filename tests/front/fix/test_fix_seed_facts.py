"""The facts of the source material about the fix (F3 to F5), end to end through the command line."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Lint
from fixing import build, fix, output_shape
from torch import nn

from resnet_lint.shared.records.places import Shape

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Fact:
    """A fixture with a missing projection: how its model is run, what it gives when fixed, what fixes it."""

    fixture: str
    call: str
    shape: Shape
    output: Shape
    projection: str


FACTS = [
    Fact(
        "f3_channels", "WideningBlock()", (1, 64, 32, 32), (1, 128, 32, 32),
        "nn.Conv2d(64, 128, kernel_size=1, bias=False)",
    ),
    Fact(
        "f4_stride", "DownBlock()", (8, 64, 32, 32), (8, 128, 16, 16),
        "nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False)",
    ),
    Fact(
        "f5_pipeline", "Classifier()", (2, 3, 64, 64), (2, 1000),
        "nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)",
    ),
]  # fmt: skip
every_fact = pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.fixture)


@pytest.fixture
def model(fact: Fact, tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "fixtures" / fact.fixture / "model.py", tmp_path))


@every_fact
def test_before_the_fix_the_model_fails_as_the_finding_says(fact: Fact, model: Path) -> None:
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        output_shape(model, fact.call, fact.shape)


@every_fact
def test_diff_shows_the_projection_and_its_use_and_writes_nothing(fact: Fact, model: Path, lint: Lint) -> None:
    before = model.read_bytes()
    result = lint(model, "--diff")
    assert (result.exit_code, result.stderr) == (1, "")
    added = [line for line in result.stdout.splitlines() if line.startswith("+")]
    assert any(fact.projection in line for line in added)
    assert any("+ self.shortcut(x)" in line for line in added)
    assert model.read_bytes() == before


@every_fact
def test_fix_makes_the_model_run_and_a_second_fix_changes_nothing(fact: Fact, model: Path, lint: Lint) -> None:
    change = fix(lint, model)
    assert len(change.removed) == 1
    assert any(fact.projection in line for line in change.added)
    assert output_shape(model, fact.call, fact.shape) == fact.output
    again = fix(lint, model)
    assert again.after == change.after


def test_f4_the_fix_is_a_1x1_convolution_with_stride_2_on_the_input(lint: Lint, tmp_path: Path) -> None:
    model = Path(shutil.copy(ROOT / "fixtures/f4_stride/model.py", tmp_path))
    fix(lint, model)
    block = build(model, "DownBlock()")
    shortcut = block.get_submodule("shortcut.0")
    assert isinstance(shortcut, nn.Conv2d)
    assert (shortcut.kernel_size, shortcut.stride) == ((1, 1), (2, 2))
    assert (shortcut.in_channels, shortcut.out_channels) == (64, 128)


def test_f5_the_blocks_that_matched_keep_their_parameters(lint: Lint, tmp_path: Path) -> None:
    model = Path(shutil.copy(ROOT / "fixtures/f5_pipeline/model.py", tmp_path))
    before = build(model, "Classifier()").state_dict()
    fix(lint, model)
    after = build(model, "Classifier()").state_dict()
    assert set(after) - set(before) == {"stack.0.shortcut.weight"}
    assert set(before) <= set(after)
