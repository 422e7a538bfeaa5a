"""A lost padding comes back as the file has it: an unread name, a layer beside it, a number for a kernel of its own."""

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
    for index, source in enumerate((UNREAD, PROJECTED, CHOMPED, UPSAMPLED)):
        (tmp_path / f"right{index}.py").write_text(HEAD + source)
    assert lint(tmp_path).exit_code == 0
