"""The width that a constructor keeps from block to block: corrected where it is assigned, added where it is not."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint
from fixing import HEAD, findings, fix, write

BLOCK = f"""{HEAD}class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
        self.short = nn.Conv2d(cin, cout, 1, stride) if stride != 1 or cin != cout else nn.Identity()

    def forward(self, x):
        return self.conv(x) + self.short(x)


class Net(nn.Module):
    def __init__(self, widths=(8, 16, 32)):
        super().__init__()
        cin, stages = 3, []
        for index, width in enumerate(widths):
            for number in range(2):
                stages.append(Block(cin, width, 2 if index and not number else 1))
                cin = width
        self.stages = nn.ModuleList(stages)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return x


Net()(torch.randn(2, 3, 16, 16))
"""

KEPT = "                cin = width\n"


def test_an_assignment_that_is_missing_in_a_loop_is_added(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, BLOCK.replace(KEPT, ""))
    fix(lint, path)
    assert path.read_text() == BLOCK


def test_an_assignment_of_another_name_is_corrected(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, BLOCK.replace(KEPT, KEPT.replace("= width", "= widths[0]")))
    fix(lint, path)
    assert path.read_text() == BLOCK


def test_no_assignment_is_added_to_a_loop_that_has_one(lint: Lint, tmp_path: Path) -> None:
    """The block is given twice the width that the loop keeps."""
    text = BLOCK.replace("append(Block(cin, width,", "append(Block(2 * cin, width,")
    path = write(tmp_path, text)
    [finding, *_] = findings(lint, path)
    assert not any(edit["text"].strip().startswith("cin =") for edit in finding["fix"]["edits"])
