"""Arguments that come from the code around a call: variables of loops, other calls of the block, attributes."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint
from fixing import HEAD

UNITS = """class Unit(nn.Module):
    def __init__(self, width, out_width, branch_width):
        super().__init__()
        self.first = nn.Conv2d(width, branch_width, 3, padding=1)
        self.joined = nn.Conv2d(width + branch_width, out_width, 1)

    def forward(self, x):
        return self.joined(torch.cat([x, F.relu(self.first(x))], 1))


class Stacked(nn.Module):
    def __init__(self, widths, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.units = nn.Sequential()
        for i, out_width in enumerate(widths):
            self.units.add_module(f"unit{i}", Unit(width, out_width, branch_width=i + 4))
            width = out_width
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        return self.head(self.units(self.stem(x)))


Stacked([16, 24, 32])(torch.randn(2, 3, 8, 8))
"""

DUAL = """class NormAct(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.norm = nn.BatchNorm2d(cin)
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1)

    def forward(self, x):
        return self.conv(F.relu(self.norm(x)))


class Dual(nn.Module):
    def __init__(self, cin, width, grown, kind):
        super().__init__()
        if kind == "down":
            self.key_stride = 2
            self.projection = nn.Conv2d(cin, width + grown, 1, stride=2)
        else:
            self.key_stride = 1
            self.projection = nn.Conv2d(cin, width + grown, 1)
        self.first = NormAct(cin, width)
        self.second = NormAct(width, width + grown, self.key_stride)

    def forward(self, x):
        return self.projection(x) + self.second(self.first(x))


class DualNet(nn.Module):
    def __init__(self, bw=8, inc=4):
        super().__init__()
        self.one = Dual(3, bw, inc, "same")
        chs = bw + inc
        self.two = Dual(chs, bw, 2 * inc, "same")
        chs = bw + 2 * inc
        self.three = Dual(chs, 2 * bw, inc, "down")

    def forward(self, x):
        return self.three(self.two(self.one(x)))


DualNet()(torch.randn(2, 3, 8, 8))
"""

CASES = (
    ("loop", UNITS, "Unit(width, out_width,", "Unit(width, width,", "Unit(width, out_width,"),
    ("sibling", DUAL, "Dual(chs, 2 * bw", "Dual(bw, 2 * bw", "Dual(bw + (2 * inc), 2 * bw"),
    ("attribute", DUAL, "grown, self.key_stride)", "grown, 1)", "grown, self.key_stride)"),
)


def test_what_the_code_around_a_call_says_is_written(lint: Lint, tmp_path: Path) -> None:
    for name, source, right, wrong, _ in CASES:
        assert right in source
        (tmp_path / f"{name}.py").write_text(HEAD + source.replace(right, wrong))
    lint(tmp_path, "--fix")
    for name, source, right, _, fixed in CASES:
        assert (tmp_path / f"{name}.py").read_text() == HEAD + source.replace(right, fixed), name


def test_what_is_right_stays(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(HEAD + UNITS + DUAL)
    assert lint(tmp_path).exit_code == 0
