"""A class is not checked by a part of a model if the model itself took too long."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

SLOW = """
import time
from torch import nn


class Plain(nn.Module):
    def __init__(self, width, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride, padding=1)

    def forward(self, x):
        return self.conv(x)


class Block(Plain):
    def forward(self, x):
        return x + self.conv(x)


class Net(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.first, self.second = block(3), block(3, 2)

    def forward(self, x):
        if isinstance(self.first, Block):
            time.sleep(60)
        return self.second(self.first(x))


def small():
    return Net(Plain)


def large():
    return Net(Block)
"""


def test_a_part_alone_is_no_proof_of_a_slow_model(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(SLOW)
    done = lint(tmp_path / "model.py", "--timeout", "3", "--format", "json", "--verbose")
    modules = json.loads(done.stdout)["modules"]
    status = {module["target"].rpartition(":")[2]: module["status"] for module in modules}
    assert status == {"Plain": "checked", "Block": "failed", "Net": "checked"}
    [reason] = [module["reason"] for module in modules if module["status"] == "failed"]
    assert reason.startswith("not done after")
