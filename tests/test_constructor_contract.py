"""The contract of a block's constructor, found with symbols, agrees with blocks built from numbers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from residual_blocks import BLOCKS
from torch import nn
from tracing import HEAD, write_model

from resnet_lint.cli import main
from resnet_lint.model.build import build
from resnet_lint.model.constructor_contract import ConstructorContract, contract_of
from resnet_lint.model.feed import feed
from resnet_lint.model.formula import formula
from resnet_lint.shapes.place import Project
from resnet_lint.shapes.trace import Trace

# What symbols cannot follow is judged by blocks built from numbers: here, the kernel of a pooling.
NO_SYMBOLS = ("wide, shortcut pools",)

CONDITIONS = {
    "plain": "cin == cout and stride == 1",
    "basic, projection": "True",
    "basic, stride only": "cin == cout or stride != 1",
    "bottleneck": "stride == 1 and inplanes == 4*planes",
    "inverted residual": "True",
    "inverted, generous": "inp == oup or stride != 1",
    "squeeze-excitation": "stride == 1 or in_channels != out_channels",
    "pre-activation": "True",
    "grouped": "stride == 1",
    "ResNeXt": "stride == 1 or in_channels != out_channels",
    "ConvNeXt": "True",
    "signal (1-d)": "kernel_size % 2 == 1",
    "transformer": "True",
    "linear": "in_features == out_features",
    "Res2Net": "stride == 1",
    "norm groups": "True",
    "factor of a width": "factor == 1",
}


class Blocks:
    """The blocks that one class builds, from numbers or symbols."""

    def __init__(self, folder: Path, source: str, names: list[str]) -> None:
        path, code = write_model(folder, source)
        self.namespace: dict[str, Any] = {"__name__": path.stem}
        exec(code, self.namespace)
        self.call = f"Block({', '.join(f'{name}={name}' for name in names)})"
        self.project = Project(f"{folder}/")

    def make(self, point: Mapping[str, Any]) -> nn.Module:
        made: nn.Module = eval(self.call, {**self.namespace, **point})
        return made

    def built(self, point: Mapping[str, Any]) -> nn.Module:
        symbolic = any(isinstance(value, torch.SymInt) for value in point.values())
        return self.make(point) if symbolic else build(lambda: self.make(point))

    def fed(self, module: nn.Module) -> Trace:
        return feed(module, self.project, [])[0]


def contract_and_brute_force(
    folder: Path, label: str
) -> tuple[ConstructorContract | None, dict[tuple[int, ...], bool]]:
    source, values = BLOCKS[label]
    blocks = Blocks(folder, source, list(values))
    grid = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    brute = {}
    for point in grid:
        try:
            trace = blocks.fed(blocks.built(point))
        except ValueError:  # groups that do not divide
            continue
        if trace.complete:
            brute[tuple(point.values())] = not trace.faults
    return contract_of(blocks.built, grid, blocks.fed, blocks.project), brute


@pytest.mark.parametrize("label", [label for label in BLOCKS if label not in NO_SYMBOLS])
def test_a_contract_agrees_with_brute_force(label: str, tmp_path: Path) -> None:
    contract, brute = contract_and_brute_force(tmp_path, label)
    assert contract is not None
    said = {tuple(point.values()): True for point in contract.works}
    said |= {tuple(point.values()): False for point in contract.fails}
    assert said == brute
    assert contract.condition == CONDITIONS[label]
    assert contract.ways < len(brute)


@pytest.mark.parametrize("label", NO_SYMBOLS)
def test_no_contract_where_symbols_cannot_go(label: str, tmp_path: Path) -> None:
    contract, brute = contract_and_brute_force(tmp_path, label)
    assert contract is None
    assert set(brute.values()) == {True, False}


POINTS = [dict(zip("abs", point, strict=True)) for point in itertools.product((1, 2, 3), repeat=3)]


@pytest.mark.parametrize(
    "condition",
    ["a == b", "a == b and s == 1", "a != b or s == 1", "a == b and s == 1 and b == 2", "s == 1 or a == b and b == 2"],
)
def test_a_formula_is_as_short_as_it_can_be(condition: str) -> None:
    holds = [point for point in POINTS if eval(condition, {}, dict(point))]
    others = [point for point in POINTS if point not in holds]
    literals = ["a == b", "a != b", "s == 1", "s != 1", "b == 2", "other > 1"]
    assert formula(holds, others, literals) == condition


def test_no_formula_where_the_words_do_not_tell() -> None:
    assert formula(POINTS[:4], POINTS[4:], ["a == b"]) is None


def test_a_fix_for_all_arguments_is_proved(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(HEAD + BLOCKS["plain"][0])
    result = CliRunner().invoke(main, ["check", "--isolated", "--no-cache", str(path)])
    assert "RL106 warning: Block can be built so that its addition fails" in result.stdout
    assert "it works only where cin == cout and stride == 1" in result.stdout
    assert "mend, verified: project the shortcut" in result.stdout
    assert "proved: with cin, cout, stride and the sizes as symbols" in result.stdout


PROJECTIONS = {
    "channels and stride": (
        """
        class Block(nn.Module):
            def __init__(self, cin, cout, stride):
                super().__init__()
                self.conv1, self.conv2 = nn.Conv2d(cin, cout, 3, stride, 1), nn.Conv2d(cout, cout, 3, 1, 1)
                self.bn = nn.BatchNorm2d(cout)
            def forward(self, x):
                return x + self.bn(self.conv2(self.conv1(x)))
        if __name__ == "__main__":
            Block(4, 8, 2)(torch.randn(2, 4, 32, 32))
        """,
        "RL103",
        "cin, cout, stride and the sizes",
    ),
    "a block of fixed channels": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1, self.conv2 = nn.Conv2d(3, 16, 3, 1, 1), nn.Conv2d(16, 32, 3, 2, 1)
            def forward(self, x):
                x = self.conv1(x)
                return x + self.conv2(x)
        """,
        "RL103",
        "the sizes",
    ),
    "a code that asks for sizes itself": (
        """
        class Block(nn.Module):
            def __init__(self, cin, cout):
                super().__init__()
                self.conv = nn.Conv2d(cin, cout, 3, 1, 1)
            def forward(self, x):
                if x.shape[-1] % 2:
                    x = F.pad(x, (0, 1))
                return x + self.conv(x)
        if __name__ == "__main__":
            Block(4, 8)(torch.randn(2, 4, 32, 32))
        """,
        "RL101",
        "cin, cout",
    ),
}


@pytest.mark.parametrize("label", PROJECTIONS)
def test_a_projection_is_proved_as_far_as_symbols_go(label: str, tmp_path: Path) -> None:
    source, code, proved = PROJECTIONS[label]
    path, _ = write_model(tmp_path, source)
    result = CliRunner().invoke(main, ["check", "--isolated", "--no-cache", str(path)])
    assert code in result.stdout
    assert f"proved: with {proved} as symbols" in result.stdout


def test_a_fix_that_holds_for_the_models_traced_alone_is_not_said_to_be_proved(tmp_path: Path) -> None:
    """The file builds the block with stride 1 alone, and has a projection for that."""
    path, _ = write_model(
        tmp_path,
        """
        class Block(nn.Module):
            def __init__(self, cin, cout, stride=1):
                super().__init__()
                self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
                self.shortcut = nn.Conv2d(cin, cin, 1)
            def forward(self, x):
                return self.shortcut(x) + self.conv(x)
        if __name__ == "__main__":
            Block(4, 8)(torch.randn(2, 4, 32, 32))
        """,
    )
    result = CliRunner().invoke(main, ["check", "--isolated", "--no-cache", str(path)])
    assert "mend, verified: " in result.stdout
    assert "proved:" not in result.stdout
