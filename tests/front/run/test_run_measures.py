"""`resnet-lint run`: cost, and gradient norms with and without the shortcuts (F12)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import Lint
from running import report_of, write

from resnet_lint.front.run.report.measures import cost_rows, reach
from resnet_lint.front.units import in_unit
from resnet_lint.shared.records.hardware_run import Cost, Gradient, Gradients, RunRequest
from resnet_lint.shared.records.requests import Target
from resnet_lint.worker.executor.cost import cost
from resnet_lint.worker.executor.model_under_test import find_model

# Without normalization, so that gradients vanish without the shortcuts.
DEEP = """
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, x):
        return x + self.second(torch.relu(self.first(x)))


class Deep(nn.Module):
    def __init__(self, depth=16, width=8):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        return self.head(self.blocks(x))


if __name__ == "__main__":
    Deep()(torch.randn(4, 8))
"""


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("deep"), DEEP)


@pytest.mark.parametrize(("spread", "noisy"), [(0.001, False), (0.004, True)])
def test_a_latency_with_a_large_spread_is_called_noisy(spread: float, noisy: bool) -> None:
    measured = Cost(1, 1, latency=0.010, spread=spread, repeats=50, warm_ups=2)
    [text] = [value for name, value in cost_rows(measured, None) if name.startswith("latency")]
    assert ("noisy, repeat on an idle machine" in text) == noisy


def test_f12_shortcuts_carry_the_gradient_to_the_first_stage(lint: Lint, deep: Path) -> None:
    result = lint("run", deep, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = report_of(result)["original"]["gradients"]
    assert found["shortcuts"] == 16
    assert [stage["stage"] for stage in found["stages"]] == [*(f"blocks.{n}" for n in range(16)), "head"]
    first, *_, head = found["stages"]
    assert first["norm"] > head["norm"] / 10
    assert first["cut"] < first["norm"] / 1000, "gradients vanish without shortcuts"


def test_gradients_and_cost_as_text(lint: Lint, deep: Path) -> None:
    result = lint("run", deep)
    assert result.exit_code == 0, result.stderr
    assert "with 16 shortcuts removed" in result.stdout
    assert "log10 of the gradient norm: * with shortcuts, o without shortcuts" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["parameters", "2.331", "k"] in lines  # 16 blocks of 2 x (8 x 8 + 8), and 8 x 3 + 3
    assert any(line[:4] == ["peak", "memory", "of", "forward"] for line in lines)


PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("file", "call", "parameters", "multiply_adds"),
    [
        ("fixtures/resnet18/fixed.py", "ResNet18()", 11_689_512, 1.814e9),
        ("benchmarks/resnet152_model.py", "ResNet152(blocks=(3, 4, 6, 3))", 25_557_032, 4.089e9),
    ],
    ids=["ResNet-18", "ResNet-50"],
)
def test_parameters_and_multiply_adds_are_the_published_ones(
    file: str, call: str, parameters: int, multiply_adds: float
) -> None:
    """The figures are those of torchvision's model table. He et al. 2015, table 1, has 3.8 x 10^9 for ResNet-50 with
    the stride in the first convolution of the bottleneck.
    """
    targets = (Target(None, call, ("x=1x3x224x224",)),)
    tested = find_model(RunRequest(str(PROJECT / file), call=call, targets=targets), torch.device("cpu"), torch.float32)
    counted = cost(tested, runs=False)
    assert counted.parameters == parameters
    assert counted.multiply_adds == pytest.approx(multiply_adds, rel=1e-3)


def test_the_cost_of_a_fix_in_numbers_and_per_cent() -> None:
    rows = {name: cells for name, *cells in cost_rows(Cost(1100, 2_500_000, 80), Cost(1000, 2_000_000))}
    assert rows["parameters"] == ["1 k", "1.1 k", "+100 (+10.00%)"]
    assert rows["multiply-adds per sample"] == ["2 M", "2.5 M", "+500 k (+25.00%)"]
    assert rows["peak memory of forward and backward"] == ["not measured", "80 B", ""]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0, "", "0"), (999, "", "999"), (1.814e9, "", "1.814 G"), (0.0123, "s", "12.3 ms"), (2.5e6, "B", "2.5 MB")],
)
def test_numbers_with_si_prefixes(value: float, unit: str, text: str) -> None:
    assert in_unit(value, unit) == text


def test_a_vanished_gradient_is_named() -> None:
    dead = Gradients((Gradient("stem", 0.0, 0.0), Gradient("head", 1.0, 1.0)), 2)
    assert reach(dead) == "no gradient reaches the first stage, stem"
    plain = Gradients((Gradient("stem", 0.5), Gradient("head", 1.0)), 0)
    assert reach(plain) == "gradient norm of the first stage, stem: 0.5; there are no residual additions to remove"
