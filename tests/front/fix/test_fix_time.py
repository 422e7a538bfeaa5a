"""What fixes may cost: the file's own time is all there is, and what has no fix costs nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fixing import write

from resnet_lint.front.fix import verify
from resnet_lint.front.fix.source_tree import Source
from resnet_lint.front.fix.verify import Fixer
from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.requests import CheckRequest

SOURCE = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(x) + x


if __name__ == "__main__":
    Block()(torch.randn(2, 4, 8, 8))
"""


@pytest.mark.parametrize(
    ("spent", "has_plan", "is_read"), [(1.0, True, True), (50.0, True, False), (1.0, False, False)]
)
def test_a_file_is_read_for_fixes_only_where_one_may_come(
    spent: float, has_plan: bool, is_read: bool, workers: WorkerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = CheckRequest(str(write(tmp_path, SOURCE)))
    report = workers.analyse(request)
    [finding] = report.findings
    read: list[str] = []

    def noted(path: str, text: str) -> Source:
        read.append(path)
        return Source(path, text)

    monkeypatch.setattr(verify, "Source", noted)
    fixer = Fixer(request, workers.analyse, spent)
    offer = fixer.offered(finding if has_plan else replace(finding, fix_plan=None), report, SOURCE)
    assert (bool(read), offer is not None) == (is_read, is_read)
