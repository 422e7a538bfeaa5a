"""Several verified fixes, none of which clearly leads: listed with their consequences, applied by their number."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint
from fixing import HEAD, findings, fix, write

# ResNet strides in the 1x1 convolution, ResNet V1.5 in the 3x3: only the author knows.
BLOCK = f"""{HEAD}class Bottleneck(nn.Module):
    def __init__(self, cin, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, planes, 1, stride, bias=False)
        self.conv2 = nn.Conv2d(planes, cin, 3, stride, 1, bias=False)
        self.shortcut = nn.Conv2d(cin, cin, 1, stride, bias=False)

    def forward(self, x):
        return self.conv2(self.conv1(x)) + self.shortcut(x)


Bottleneck(16, 8, 2)(torch.randn(2, 16, 32, 32))
"""


def test_choices_have_consequences(lint: Lint, tmp_path: Path) -> None:
    [finding] = findings(lint, write(tmp_path, BLOCK))
    shapes = "[(2, 16, 32, 32)] -> [(2, 16, 16, 16)]"
    listed = [(choice["title"][-8:], choice["multiply_adds"], choice["shapes"]) for choice in finding["fix"]["choices"]]
    assert listed == [("on conv1", 983040, shapes), ("on conv2", 786432, shapes)]
    assert finding["fix"]["applicability"] == "unsafe"


def test_fix_alone_takes_none(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, BLOCK)
    lint(path, "--fix")
    assert path.read_text() == BLOCK


def test_a_choice_is_applied_by_its_number(lint: Lint, tmp_path: Path) -> None:
    change = fix(lint, write(tmp_path, BLOCK), "--fix-choice", "2")
    assert change.added == ["self.conv2 = nn.Conv2d(planes, cin, 3, 1, 1, bias=False)"]
