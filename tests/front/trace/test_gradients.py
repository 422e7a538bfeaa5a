"""`resnet-lint trace --gradients`: which parameters get a gradient in training steps, and what DDP needs."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint
from running import write

NET = """
import random
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, 2)
        self.skipped = nn.Linear(width, width)
        self.spare = nn.Linear(width, width)
        self.only_eval = nn.Linear(width, width)
    def forward(self, x):
        x = self.first(x)
        if not self.training:
            x = self.only_eval(x)
        elif {condition}:
            x = x + self.skipped(x)
        return self.last(x)
if __name__ == "__main__":
    Net()(torch.randn(4, 8))
"""


def test_parameters_are_listed_by_when_they_get_a_gradient(lint: Lint, tmp_path: Path) -> None:
    file = write(tmp_path, NET.format(condition="random.random() < 0.5"))
    result = lint("trace", file, "--gradients")
    assert result.exit_code == 0
    assert "gradients: 4 of 10 parameters get one in every training step" in result.stdout
    assert "  never: spare.weight, spare.bias" in result.stdout
    assert "  in evaluation mode only: only_eval.weight, only_eval.bias" in result.stdout
    assert " of 4 training steps: skipped.weight, skipped.bias" in result.stdout
    assert "needs find_unused_parameters=True" in result.stdout


def test_a_model_that_trains_all_its_parameters_needs_nothing(lint: Lint, tmp_path: Path) -> None:
    unused = ("self.spare = nn.Linear(width, width)", "self.only_eval = nn.Linear(width, width)", "self.only_eval(x)")
    source = NET.format(condition="True")
    for text in unused:
        source = source.replace(text, "x" if text == unused[-1] else "pass")
    file = write(tmp_path, source)
    result = lint("trace", file, "--gradients", "--format", "json")
    gradients = json.loads(result.stdout)["gradients"]
    assert (gradients["steps"], gradients["find_unused_parameters"]) == (4, False)
    assert {parameter["steps"] for parameter in gradients["parameters"]} == {4}
