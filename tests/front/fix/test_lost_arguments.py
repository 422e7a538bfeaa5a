"""A lost argument comes back as the file has it: an unread name, a layer beside it, a number for its own kernel."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint
from fixing import HEAD

UNREAD = """class Conv(nn.Module):
    def __init__(self, cin, cout, k, p=0):
        super().__init__()
        num_pad = (k - 1) // 2
        self.conv = nn.Conv2d(cin, cout, k, padding=p, bias=False)
        self.wide = nn.Conv2d(cout, cout, k, padding=num_pad)

    def forward(self, x):
        return self.wide(self.conv(x))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(Conv(width, width, 1), Conv(width, width, 3, p=1))

    def forward(self, x):
        return x + self.body(x)


nn.Sequential(Block(8), Block(8))(torch.randn(2, 8, 16, 16))
"""

PROJECTED = """class Mobile(nn.Module):
    def __init__(self, kernel_size, width, stride):
        super().__init__()
        self.conv = nn.Conv2d(width, width, kernel_size=kernel_size, stride=stride, padding=kernel_size // 2)
        self.skip = None
        if stride == 2:
            self.skip = nn.Conv2d(width, width, kernel_size=3, stride=2, padding=1, groups=width)

    def forward(self, x):
        return self.conv(x) + (self.skip(x) if self.skip is not None else x)


nn.Sequential(Mobile(3, 8, 2), Mobile(5, 8, 1))(torch.randn(2, 8, 32, 32))
"""

CHOMPED = """class Temporal(nn.Module):
    def __init__(self, cin, cout, kernel_size, dilation, padding):
        super().__init__()
        self.conv1 = nn.Conv1d(cin, cout, kernel_size, padding=padding, dilation=dilation)
        self.conv2 = nn.Conv1d(cout, cout, kernel_size, padding=padding, dilation=dilation)
        self.chomp = padding
        self.downsample = nn.Conv1d(cin, cout, 1)

    def forward(self, x):
        out = torch.relu(self.conv1(x)[:, :, : -self.chomp])
        return self.downsample(x) + torch.relu(self.conv2(out)[:, :, : -self.chomp])


nn.Sequential(Temporal(4, 8, 2, 1, 1), Temporal(8, 16, 2, 2, 2))(torch.randn(2, 4, 32))
"""

UPSAMPLED = """class Up(nn.Module):
    def __init__(self, ninput, noutput):
        super().__init__()
        self.conv = nn.ConvTranspose2d(ninput, noutput, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(noutput)

    def forward(self, x):
        return self.norm(self.conv(x))


nn.Sequential(Up(32, 16), Up(16, 8))(torch.randn(2, 32, 8, 8))
"""

MOBILE = """class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.shortcut = nn.Sequential()
        if stride == 1 and cin != cout:
            self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1), nn.BatchNorm2d(cout))

    def forward(self, x):
        return self.conv1(x) + self.shortcut(x) if self.stride == 1 else self.conv1(x)


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, cin = nn.Sequential(), 8
        for cout, blocks, step in ((8, 1, 1), (16, 2, 2), (24, 2, 2)):
            for stride in [step] + [1] * (blocks - 1):
                self.layers.append(Block(cin, cout, stride))
                cin = cout
        self.linear = nn.Linear(24, 10)

    def forward(self, x):
        out = F.avg_pool2d(self.layers(x), 4)
        return self.linear(out.view(out.size(0), -1))


Mobile()(torch.randn(2, 8, 16, 16))
"""

SQUEEZED = """class Squeezed(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.conv = nn.Conv2d(planes, planes, 3, padding=1)
        self.fc1 = nn.Conv2d(planes, planes // 4, kernel_size=1)
        self.fc2 = nn.Conv2d(planes // 4, planes, kernel_size=1)

    def forward(self, x):
        out = self.conv(x)
        gate = torch.sigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(out, 1)))))
        return x + out * gate


nn.Sequential(Squeezed(16), Squeezed(16))(torch.randn(2, 16, 8, 8))
"""

POOLED = """class Pooled(nn.Module):
    def __init__(self, width, stride, mode):
        super().__init__()
        if mode == "pool":
            stride_pool, stride_2 = stride, 1
        else:
            stride_pool, stride_2 = 1, stride
        self.pool = nn.AvgPool2d(stride_pool) if stride_pool > 1 else nn.Identity()
        self.conv1 = nn.Conv2d(width, width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride_2, padding=1)
        self.down = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return self.down(x) + self.conv2(self.conv1(self.pool(x)))


nn.Sequential(Pooled(8, 2, "pool"), Pooled(8, 1, "pool"))(torch.randn(2, 8, 16, 16))
"""

SEPARATE = """class Separable(nn.Module):
    def __init__(self, width, dw_kernel, dw_stride, dw_padding):
        super().__init__()
        self.depth = nn.Conv2d(width, width, dw_kernel, stride=dw_stride, padding=dw_padding, groups=width)

    def forward(self, x):
        return self.depth(x)


class Cell(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.left, self.right = Separable(width, 5, 2, 2), Separable(width, 7, 2, 3)

    def forward(self, x):
        return self.left(x) + self.right(x)


nn.Sequential(nn.Conv2d(3, 8, 1), Cell(8))(torch.randn(2, 3, 64, 64))
"""

STARRED = """class Conv1d(nn.Conv1d):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


def conv1d(in_channels, out_channels, kernel_size, **kwargs):
    return Conv1d(in_channels, out_channels, kernel_size, **kwargs)


class Gated(nn.Module):
    def __init__(self, width, gate, kernel_size, padding):
        super().__init__()
        self.conv = conv1d(width, gate, kernel_size, padding=padding)
        self.out = conv1d(gate // 2, width, 1)

    def forward(self, x):
        a, b = self.conv(x).chunk(2, 1)
        return x + self.out(torch.tanh(a) * torch.sigmoid(b))


nn.Sequential(Gated(8, 16, 3, 1), Gated(8, 16, 5, 2))(torch.randn(2, 8, 32))
"""

JOINED = """class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 3, padding=1)
        self.linear = nn.Linear(12, 10)

    def forward(self, x):
        out = torch.cat([self.left(x)[:, :6], self.right(x)[:, 2:]], 1)
        out = F.avg_pool2d(out, 8)
        return self.linear(torch.flatten(out, 1))


Joined()(torch.randn(2, 3, 8, 8))
"""

STAGES = """class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.shortcut = nn.Sequential()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Conv2d(cin, cout, 1, stride=stride)

    def forward(self, x):
        return F.relu(self.conv(x) + self.shortcut(x))


class Staged(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = 3
        self.first = self._stage(6, 2, 1)
        self.second = self._stage(12, 2, 2)
        self.linear = nn.Linear(12, 10)

    def _stage(self, width, blocks, stride):
        strides = [stride] + [1] * (blocks - 1)
        layers = []
        for stride in strides:
            layers.append(Block(self.width, width, stride))
            self.width = width
        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.avg_pool2d(self.second(self.first(x)), 4)
        return self.linear(out.view(out.size(0), -1))


Staged()(torch.randn(2, 3, 8, 8))
"""

CASES = (
    ("parameter", UNREAD, "padding=p,", "padding=0,"),
    ("local", UNREAD, "padding=num_pad", "padding=0"),
    ("projection", PROJECTED, "padding=1", "padding=0"),
    (
        "causal",
        CHOMPED,
        "conv2 = nn.Conv1d(cout, cout, kernel_size, padding=padding",
        "conv2 = nn.Conv1d(cout, cout, kernel_size, padding=0",
    ),
    ("width", UPSAMPLED, "(ninput, noutput, 3", "(noutput, noutput, 3"),
    ("loop", MOBILE, "Block(cin, cout, stride)", "Block(cin, cout, 1)"),
    ("squeezed", SQUEEZED, "(planes, planes // 4", "(planes, planes"),
    ("pooled", POOLED, "stride=stride_2", "stride=stride"),
    ("separate", SEPARATE, "padding=dw_padding", "padding=0"),
    ("starred", STARRED, "padding=padding", "padding=0"),
    ("joined", JOINED, "self.linear(torch.flatten(out, 1))", "self.linear(out)"),
    ("method", STAGES, "Block(self.width, width, stride)", "Block(self.width, width, 1)"),
    ("norm", UPSAMPLED, "(ninput, noutput, 3", "(ninput, ninput, 3"),
)


def test_what_was_lost_comes_back_as_it_was(lint: Lint, tmp_path: Path) -> None:
    for name, source, right, wrong in CASES:
        assert right in source
        (tmp_path / f"{name}.py").write_text(HEAD + source.replace(right, wrong))
    lint(tmp_path, "--fix")
    left = [name for name, source, *_ in CASES if (tmp_path / f"{name}.py").read_text() != HEAD + source]
    assert left == []


def test_a_padding_that_is_right_stays(lint: Lint, tmp_path: Path) -> None:
    for index, source in enumerate(
        (UNREAD, PROJECTED, CHOMPED, UPSAMPLED, MOBILE, SQUEEZED, POOLED, SEPARATE, STARRED, JOINED)
    ):
        (tmp_path / f"right{index}.py").write_text(HEAD + source)
    assert lint(tmp_path).exit_code == 0


# As in ResNet-D: the projection takes a kernel size like other downsamplings, and ignores it.
AVERAGED = """def averaged(cin, cout, kernel_size, stride):
    pool = nn.AvgPool2d(2, stride, ceil_mode=True)
    return nn.Sequential(pool, nn.Conv2d(cin, cout, 1, padding=0, bias=False))


class Block(nn.Module):
    def __init__(self, cin, cout, kernel_size=3):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(cin, cout, 3, padding=1), nn.AvgPool2d(2)
        self.downsample = averaged(cin, cout, kernel_size, 2)

    def forward(self, x):
        return self.pool(self.conv(x)) + self.downsample(x)


Block(8, 16)(torch.randn(2, 8, 16, 16))
"""


def test_an_argument_that_is_ignored_by_design_is_not_passed(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(HEAD + AVERAGED)
    output = lint(tmp_path / "net.py").stdout
    assert "ceil_mode=True on pool" in output
    assert "kernel_size=kernel_size" not in output
