"""Arguments that come from the code around a call: variables of loops, other calls, attributes, layers beside it."""

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

CELL = """class Conv(nn.Module):
    def __init__(self, cin, cout, kernel_size, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel_size, stride, padding)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Reduction(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.one = nn.Sequential(Conv(width, 4, 1), Conv(4, 6, 3, stride=2))
        self.two = nn.Sequential(Conv(width, 4, 1), Conv(4, 4, 3, padding=1), Conv(4, 6, 3, stride=2))
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x):
        return torch.cat([self.one(x), self.two(x), self.pool(x)], 1)


Reduction()(torch.randn(2, 8, 15, 15))
"""

LIGHT = """class Light(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.point = nn.Conv2d(width, width, 1, bias=False)
        self.depth = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(self.norm(self.depth(self.point(x))))


class Scales(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.small = Light(width)
        self.large = nn.Sequential(Light(width), Light(width))

    def forward(self, x):
        return x + (self.small(x) + self.large(x))


Scales()(torch.randn(2, 8, 16, 16))
"""

STREAMS = """class Separable(nn.Module):
    def __init__(self, cin, cout, kernel_size, stride):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel_size, stride, kernel_size // 2, groups=cin)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.norm(self.conv(x))


class Cell(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.wide = Separable(cin, cout, 7, stride)
        self.small = Separable(cin, cout, 3, stride)

    def forward(self, x):
        return F.relu(self.wide(x) + self.small(x))


nn.Sequential(Cell(4, 8), Cell(8, 16, 2))(torch.randn(2, 4, 16, 16))
"""

SWITCHED = """class Step(nn.Module):
    def __init__(self, cin, cout, downsample):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)
        self.downsample = downsample

    def forward(self, x):
        x = self.conv(x)
        return F.max_pool2d(x, 2) if self.downsample else x


class Steps(nn.Module):
    def __init__(self, widths=(8, 16), cin=3):
        super().__init__()
        self.steps = nn.Sequential()
        for i, cout in enumerate(widths):
            downsample = i > 0
            self.steps.add_module(f"step{i}", Step(cin, cout, downsample=downsample))
            cin = cout
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        x = self.steps(x)
        return self.head(x.view(x.size(0), -1))


Steps()(torch.randn(2, 3, 8, 8))
"""

STAGE = """class Pooled(nn.Module):
    def __init__(self, cin, cout, stride=1, downsample=None):
        super().__init__()
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        stride = 1
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.downsample = downsample

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.conv(self.pool(x)) + shortcut)


class Pools(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = self._stage(4, 8, 2)
        self.second = self._stage(8, 8, 1)

    def _stage(self, cin, cout, stride):
        downsample = None
        if stride != 1 or cin != cout:
            downsample = nn.Sequential(nn.AvgPool2d(stride), nn.Conv2d(cin, cout, 1))
        return nn.Sequential(Pooled(cin, cout, stride, downsample), Pooled(cout, cout))

    def forward(self, x):
        return self.second(self.first(x))


Pools()(torch.randn(2, 4, 8, 8))
"""

EITHER = """class Inverted(nn.Module):
    def __init__(self, cin, cout, stride, use_kernel3):
        super().__init__()
        self.residual = cin == cout and stride == 1
        if use_kernel3:
            self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        else:
            self.conv = nn.Conv2d(cin, cout, 5, stride=stride, padding=2)

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class Searched(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Inverted(3, 8, 2, True), Inverted(8, 8, 1, True), Inverted(8, 8, 2, False))
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = F.avg_pool2d(self.body(x), 7, stride=1)
        return self.head(x.view(x.size(0), -1))


Searched()(torch.randn(2, 3, 28, 28))
"""

CLASSES = """class Fire(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.left = nn.Conv2d(cin, cout // 2, 1)
        self.right = nn.Conv2d(cin, cout // 2, 3, padding=1)

    def forward(self, x):
        return torch.cat((self.left(x), self.right(x)), 1)


class Squeezed(nn.Module):
    def __init__(self, widths, cin=3, num_classes=10):
        super().__init__()
        self.features = nn.Sequential()
        for i, width in enumerate(widths):
            self.features.add_module(f"fire{i}", Fire(cin, width))
            cin = width
        self.head = nn.Conv2d(in_channels=cin, out_channels=num_classes, kernel_size=1)

    def forward(self, x):
        x = self.head(self.features(x))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)


def get_squeezed(version, **kwargs):
    return Squeezed([8, 16] if version == 1 else [8, 24], **kwargs)


def squeezed(**kwargs):
    return get_squeezed(version=1, **kwargs)


squeezed()(torch.randn(2, 3, 8, 8))
"""

BOTTLENECK = """class Bottleneck(nn.Module):
    def __init__(self, cin, mid, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, mid, kernel_size=1, stride=1, bias=False)
        self.conv2 = nn.Conv2d(mid, mid, kernel_size=3, stride=stride, padding=1, bias=False)
        self.conv3 = nn.Conv2d(mid, 4 * mid, kernel_size=1, stride=1, bias=False)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(x))))) + shortcut)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = 16
        self.one = self._stage(8, 2, 1)
        self.two = self._stage(16, 2, 2)

    def _stage(self, mid, blocks, stride):
        downsample = None
        if stride != 1 or self.width != 4 * mid:
            downsample = nn.Conv2d(self.width, 4 * mid, 1, stride)
        layers = [Bottleneck(self.width, mid, stride, downsample)]
        self.width = 4 * mid
        layers += [Bottleneck(self.width, mid) for _ in range(blocks - 1)]
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.two(self.one(x))


Net()(torch.randn(2, 16, 16, 16))
"""

CASES = (
    ("loop", UNITS, "Unit(width, out_width,", "Unit(width, width,", "Unit(width, out_width,"),
    ("sibling", DUAL, "Dual(chs, 2 * bw", "Dual(bw, 2 * bw", "Dual(bw + (2 * inc), 2 * bw"),
    ("attribute", DUAL, "grown, self.key_stride)", "grown, 1)", "grown, self.key_stride)"),
    ("classes", CLASSES, "in_channels=cin", "in_channels=num_classes", "in_channels=cin"),
    (
        "bottleneck",
        BOTTLENECK,
        "kernel_size=3, stride=stride",
        "kernel_size=3, stride=1",
        "kernel_size=3, stride=stride",
    ),
    ("odd part", CELL, "4, 4, 3, padding=1", "4, 4, 3, padding=2", "4, 4, 3, padding=1"),
    ("both sides", LIGHT, "3, padding=1", "3, padding=2", "3, padding=1"),
    ("streams", STREAMS, "cout, 3, stride)", "cout, 3, 1)", "cout, 3, stride)"),
    ("switch", SWITCHED, "downsample=downsample)", "downsample=None)", "downsample=downsample)"),
    ("stage", STAGE, "cout, stride, downsample)", "cout, 1, downsample)", "cout, stride, downsample)"),
    ("either", EITHER, "3, stride=stride", "3, stride=1", "3, stride=stride"),
)


def test_what_the_code_around_a_call_says_is_written(lint: Lint, tmp_path: Path) -> None:
    for name, source, right, wrong, _ in CASES:
        assert right in source
        (tmp_path / f"{name}.py").write_text(HEAD + source.replace(right, wrong))
    lint(tmp_path, "--fix")
    for name, source, right, _, fixed in CASES:
        assert (tmp_path / f"{name}.py").read_text() == HEAD + source.replace(right, fixed), name


def test_what_is_right_stays(lint: Lint, tmp_path: Path) -> None:
    sources = dict.fromkeys(source for _, source, *_ in CASES)
    (tmp_path / "right.py").write_text(HEAD + "\n\n".join(sources))
    assert lint(tmp_path).exit_code == 0
