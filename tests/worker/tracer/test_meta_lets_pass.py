"""Calls that succeed on meta and fail on the CPU are errors; the same calls with arguments that fit are none."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
import torch
import torch.nn.functional as F
from conftest import Lint

from resnet_lint.worker.tracer.meta_lets_pass import refuse_what_meta_lets_pass

# Per name a forward, with what is right and what is wrong in place of HERE.
FORWARDS = {
    "integers": ("x = self.fc(F.one_hot(ids, 8)HERE)", ".float()", ""),
    "rows": ("x = torch.zeros(9, 8).index_add_(0, ids[0], self.fc(x)[:, HERE])", ":", ":7"),
    "selected": (
        """
        rows = (x[:, 0] > 0).nonzero().flatten()
        x = torch.zeros_like(x).index_add_(0, rows, self.fc(x)[rows][:, HERE])""",
        ":",
        "1:",
    ),
    "written": ("self.bank[ids[0]] = x[:, HERE].detach()", ":", "::2"),
    "dimension": ("x = self.fc(x).softmax(HERE)", "-1", "2"),
}

MODEL = """
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.register_buffer("bank", torch.zeros(9, 8))

    def forward(self, x, ids):
        FORWARD
        return x

if __name__ == "__main__":
    Net()(torch.randn(5, 8), torch.randint(0, 8, (2, 5)))
"""


def test_what_the_cpu_refuses(lint: Lint, tmp_path: Path) -> None:
    for name, (forward, right, wrong) in FORWARDS.items():
        lines = dedent(forward).strip().replace("\n", "\n        ")
        for kind, part in {"right": right, "wrong": wrong}.items():
            (tmp_path / f"{name}_{kind}.py").write_text(MODEL.replace("FORWARD", lines).replace("HERE", part))
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    assert report["summary"]["not_checked"] == 0
    errors = [(Path(f["path"]).stem, f["rule"]) for f in report["findings"] if f["severity"] == "error"]
    assert sorted(errors) == sorted((f"{name}_wrong", "RL303") for name in FORWARDS)
    assert not any("mismatch: shape mismatch" in finding["message"] for finding in report["findings"])


def test_masks_select_as_many_values_as_are_written() -> None:
    target = torch.zeros(4, 8, device="meta")
    rows = torch.zeros(3, 8, device="meta")
    refuse_what_meta_lets_pass(torch.Tensor.__setitem__, (target, target[:, 0] > 0, rows), {})
    refuse_what_meta_lets_pass(torch.Tensor.__setitem__, (target, slice(0, 3), rows), {})
    refuse_what_meta_lets_pass(torch.Tensor.__setitem__, (target, 0, rows[:1]), {})
    with pytest.raises(RuntimeError):
        refuse_what_meta_lets_pass(torch.Tensor.__setitem__, (target, slice(0, 2), rows), {})


def test_complex_numbers_are_no_integers() -> None:
    values = torch.zeros(2, 8, dtype=torch.complex64, device="meta")
    refuse_what_meta_lets_pass(F.linear, (values, torch.zeros(3, 8, dtype=torch.complex64, device="meta")), {})
