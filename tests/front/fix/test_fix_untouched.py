"""Correct files that look like mistakes: `--fix` does not change one byte of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint
from fixing import HEAD, block, main_block, output_shape, write

IMAGE = (2, 8, 16, 16)

DOWNSAMPLE = HEAD + '''\
class Block(nn.Module):
    def __init__(self, cin, cout, stride=1, downsample=None):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.downsample = downsample

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        return self.conv(x) + identity


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.same = Block(8, 8)
        self.down = Block(8, 16, 2, nn.Conv2d(8, 16, 1, stride=2))

    def forward(self, x):
        return self.down(self.same(x))
''' + main_block("Net()", IMAGE)  # fmt: skip

MOBILE = HEAD + '''\
class Inverted(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.use_res = stride == 1 and cin == cout
        self.body = nn.Sequential(nn.Conv2d(cin, cout * 2, 3, stride, 1), nn.ReLU6(), nn.Conv2d(cout * 2, cout, 1))

    def forward(self, x):
        if self.use_res:
            return x + self.body(x)
        return self.body(x)
''' + main_block("nn.Sequential(Inverted(8, 8, 1), Inverted(8, 16, 2), Inverted(16, 24, 1))", IMAGE)  # fmt: skip

UNET = HEAD + '''\
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.last = nn.Conv2d(16, 8, 3, padding=1)

    def forward(self, x):
        up = self.up(F.relu(self.down(x)))
        return self.last(torch.cat([x, up], dim=1)) + x
''' + main_block("UNet()", IMAGE)  # fmt: skip

TOKENS = HEAD + '''\
class Tokens(nn.Module):
    def __init__(self, dim=16, patches=16):
        super().__init__()
        self.patch = nn.Conv2d(8, dim, 4, stride=4)
        self.position = nn.Parameter(torch.zeros(1, patches + 1, dim))
        self.first = nn.Parameter(torch.zeros(1, 1, dim))

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], dim=1)
        return x + self.position
''' + main_block("Tokens()", IMAGE)  # fmt: skip

CORRECT = {
    "the caller gives the downsample": (DOWNSAMPLE, "Net()"),
    "a flag says where the input is added": (MOBILE, "Inverted(8, 8, 1)"),
    "an even size comes back from half of it": (UNET, "UNet()"),
    "a position embedding is added to every image": (TOKENS, "Tokens()"),
    "a gate of one pixel is multiplied and added": (
        block(
            ["self.conv = nn.Conv2d(8, 8, 3, padding=1)", "self.gate = nn.Conv2d(8, 8, 1)"],
            ["gate = torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))", "return x + self.conv(x) * gate"],
            arguments="width=8", call="Block()", shape=IMAGE,
        ),
        "Block()",
    ),
    "a global context is added to every pixel": (
        block(
            ["self.key = nn.Conv2d(8, 1, 1)", "self.change = nn.Conv2d(8, 8, 1)"],
            [
                "weight = self.key(x).flatten(2).softmax(-1)",
                "context = (x.flatten(2) * weight).sum(-1)[:, :, None, None]",
                "return x + self.change(context)",
            ],
            arguments="width=8", call="Block()", shape=IMAGE,
        ),
        "Block()",
    ),
    "a time embedding is added to every pixel": (
        block(
            ["self.conv = nn.Conv2d(8, 16, 3, padding=1)", "self.time = nn.Linear(4, 16)"],
            ["time = self.time(torch.ones(x.shape[0], 4))", "return self.conv(x) + time[:, :, None, None]"],
            arguments="width=8", call="Block()", shape=IMAGE,
        ),
        "Block()",
    ),
    "dense blocks join and do not add": (
        block(
            ["self.layers = nn.ModuleList(nn.Conv2d(8 + 4 * n, 4, 3, padding=1) for n in range(3))"],
            ["for layer in self.layers:", "    x = torch.cat([x, layer(x)], dim=1)", "return x"],
            arguments="width=8", call="Block()", shape=IMAGE,
        ),
        "Block()",
    ),
    "a projection that is there": (
        block(
            ["self.conv = nn.Conv2d(cin, cout, 3, 2, 1)", "self.shortcut = nn.Conv2d(cin, cout, 1, 2)"],
            ["return self.conv(x) + self.shortcut(x)"], arguments="cin, cout", call="Block(8, 16)", shape=IMAGE,
        ),
        "Block(8, 16)",
    ),
    "the input is pooled and padded with zeros": (
        block(
            ["self.conv = nn.Conv2d(8, 16, 3, stride=2, padding=1)"],
            ["return self.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4))"],
            arguments="width=8", call="Block()", shape=IMAGE,
        ),
        "Block()",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "call"), CORRECT.values(), ids=CORRECT)
def test_a_correct_file_stays_as_it_is(source: str, call: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, source)
    assert len(output_shape(path, call, IMAGE)) in (3, 4)  # it is correct
    result = lint(path, "--fix", "--unsafe-fixes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 not checked" not in result.stdout
    assert path.read_text() == source


def test_nothing_is_written_where_nothing_is_fixed(lint: Lint, tmp_path: Path) -> None:
    """Not the same text again either: what watches the file for changes has nothing to do."""
    path = write(tmp_path, DOWNSAMPLE)
    before = path.stat()
    lint(path, "--fix")
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


FACTORY = """import torch
from torch import nn


def conv3x3(in_channels, out_channels):
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


class Unit(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.body = conv3x3(in_channels, out_channels)

    def forward(self, x):
        return torch.relu(self.body(x))


class Net(nn.Module):
    def __init__(self, channels, init_channels, in_channels=3):
        super().__init__()
        self.features = nn.Sequential(conv3x3(in_channels=in_channels, out_channels=init_channels))
        in_channels = init_channels
        for width in channels:
            self.features.append(Unit(in_channels=in_channels, out_channels=width))
            in_channels = width

    def forward(self, x):
        return self.features(x)


def net(**kwargs):
    return Net(channels=[24, 32], init_channels=16, **kwargs)
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("out_channels=init_channels)", "out_channels=in_channels)"),  # not `in_channels=16` for images of 3 channels
        ("out_channels=width)", "out_channels=in_channels)"),  # not `in_channels = in_channels`
    ],
    ids=["first layer", "units"],
)
def test_the_width_that_is_fixed_does_not_change_the_images_that_a_model_takes(
    right: str, wrong: str, lint: Lint, tmp_path: Path
) -> None:
    assert right in FACTORY
    path = write(tmp_path, FACTORY.replace(right, wrong))
    assert lint(path, "--fix").exit_code == 0
    assert path.read_text() == FACTORY
