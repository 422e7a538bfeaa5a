"""Fixes are written where the mistake is: in settings, helpers, flags, callers; all cases are fixed in one run."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Lint, command_line
from fixing import HEAD

from resnet_lint.front.workers.worker_client import WorkerClient

INVERTED = """class Setting:
    def __init__(self, inp, hid, out, stride):
        self.inp, self.hid, self.out, self.stride = inp, hid, out, stride


class Inverted(nn.Module):
    def __init__(self, cnf):
        super().__init__()
        self.use_res = cnf.stride == 1 and cnf.inp == cnf.out
        layers = [nn.Conv2d(cnf.inp, cnf.hid, 1)] if cnf.hid != cnf.inp else []
        layers += [nn.Conv2d(cnf.hid, cnf.hid, 3, cnf.stride, 1), nn.Conv2d(cnf.hid, cnf.out, 1)]
        self.block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.block(x) if self.use_res else self.block(x)


settings = [(8, 8, 8, 1), (8, 16, 12, 2), (12, 24, 12, 1), (12, 24, 16, 1)]
nn.Sequential(*[Inverted(Setting(*numbers)) for numbers in settings])(torch.randn(2, 8, 16, 16))
"""

GUARDED = """class Block(nn.Module):
    def __init__(self, inp, out, stride):
        super().__init__()
        self.stride = stride
        self.out = out
        self.inp = inp
        self.conv = nn.Conv2d(inp, out, 3, stride, 1)

    def forward(self, x):
        y = self.conv(x)
        if self.stride == 1 and self.inp == self.out:
            y = y + x
        return y


nn.Sequential(Block(8, 8, 1), Block(8, 12, 2), Block(12, 16, 1))(torch.randn(2, 8, 16, 16))
"""

RESIZED = """def conv_block(cin, cout, kernel_size, stride=1):
    return nn.Sequential(nn.Conv2d(cin, cout, kernel_size, stride, kernel_size // 2), nn.BatchNorm2d(cout))


class Unit(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.resize_identity = (cin != cout) or (stride != 1)
        self.body = nn.Sequential(conv_block(cin, cout, 3, stride), nn.ReLU(), conv_block(cout, cout, 3))
        if self.resize_identity:
            self.identity_conv = conv_block(cin, cout, 1, stride)

    def forward(self, x):
        identity = self.identity_conv(x) if self.resize_identity else x
        return self.body(x) + identity


nn.Sequential(Unit(8, 16, 1), Unit(16, 16, 1), Unit(16, 16, 2))(torch.randn(2, 8, 16, 16))
"""

RESNET = """class Conv(nn.Conv2d):
    def __init__(self, cin, cout, stride=1):
        super().__init__(cin, cout, 3, stride=stride, padding=1, bias=False)


class Block(nn.Module):
    expansion = 2

    def __init__(self, cin, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = Conv(cin, planes, stride)
        self.conv2 = Conv(planes, planes * self.expansion)
        self.downsample = downsample

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.conv2(self.conv1(x)) + shortcut


class Net(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.width = 8
        self.layers = nn.Sequential(self.stage(block, 8, 1), self.stage(block, 16, 2))

    def stage(self, block, planes, stride):
        downsample = None
        if stride != 1 or self.width != planes * block.expansion:
            downsample = nn.Conv2d(self.width, planes * block.expansion, 1, stride)
        first = block(self.width, planes, stride=stride, downsample=downsample)
        self.width = planes * block.expansion
        return nn.Sequential(first, block(self.width, planes))

    def forward(self, x):
        return self.layers(x)


Net(Block)(torch.randn(2, 8, 16, 16))
"""

# The layer before an expansion is in another instance of the class, where `out` means another number.
EXPANDED = """class Inverted(nn.Module):
    def __init__(self, inp, hidden_dim, out):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(inp, hidden_dim, 1), nn.ReLU(), nn.Conv2d(hidden_dim, out, 1))

    def forward(self, x):
        return self.conv(x)


width, layers = 8, []
for factor, out in [(4, 12), (3, 12), (3, 20), (2, 16)]:
    hidden = width * factor
    layers.append(Inverted(width, hidden, out))
    width = out
nn.Sequential(*layers)(torch.randn(2, 8, 16, 16))
"""

MIXER = """class Mixer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dw, self.pw = nn.Conv2d(dim, dim, 3, padding=1), nn.Linear(dim, dim)

    def forward(self, x):
        return x + self.pw(self.dw(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


Mixer(8)(torch.randn(2, 8, 16, 20))
"""

CAUSAL = """class Causal(nn.Module):
    def __init__(self, width, kernel, dilation):
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel, padding=(kernel - 1) * dilation, dilation=dilation)

    def forward(self, x):
        out = self.conv(x)
        return out[..., : x.shape[-1]] + x


nn.Sequential(Causal(8, 2, 1), Causal(8, 2, 2))(torch.randn(2, 8, 32))
"""

PADDED = """class Shortcut(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
        self.shortcut = nn.Sequential()
        if stride != 1 or cin != cout:
            self.shortcut = Shortcut(
                lambda x: F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, cout // 4, cout // 4))
            )

    def forward(self, x):
        return self.conv(x) + self.shortcut(x)


nn.Sequential(Block(8, 8, 1), Block(8, 16, 2), Block(16, 32, 2))(torch.randn(2, 8, 16, 16))
"""

DECODER = """class Up(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cin // 4, 1)
        self.up = nn.ConvTranspose2d(cin // 4, cin // 4, 3, stride=stride, padding=1, output_padding=1)
        self.conv2 = nn.Conv2d(cin // 4, cout, 1)

    def forward(self, x):
        return self.conv2(self.up(self.conv1(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)
        self.up = Up(16, 8, 2)

    def forward(self, x):
        x = self.down1(x)
        return x + self.up(self.down2(x))


Net()(torch.randn(2, 3, 32, 32))
"""

POOLED = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.AvgPool2d(8, stride=1))
        self.output = nn.Linear(8, 10)

    def forward(self, x):
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.output(x)
"""

DROPPED = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 8, 3, padding=1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 10))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        x = torch.flatten(x, 1)
        return self.classifier(x)


Net()(torch.randn(2, 3, 16, 16))
"""

POOLED_BRANCH = """class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))
        self.shortcut = nn.Conv2d(cin, cout, 1, stride=2)

    def forward(self, x):
        return self.branch(x) + self.shortcut(x)


nn.Sequential(Block(3, 8), Block(8, 12))(torch.randn(2, 3, 32, 32))
"""

# The flag is set before the name for the stride, so it has to be said in settings.
LATE = """class Setting:
    def __init__(self, inp, out, stride, dilation=1):
        self.inp, self.out, self.stride, self.dilation = inp, out, stride, dilation


class Inverted(nn.Module):
    def __init__(self, cnf):
        super().__init__()
        self.use_res = cnf.stride == 1 and cnf.inp == cnf.out
        stride = 1 if cnf.dilation > 1 else cnf.stride
        self.block = nn.Conv2d(cnf.inp, cnf.out, 3, stride=stride, padding=1)

    def forward(self, x):
        return x + self.block(x) if self.use_res else self.block(x)


nn.Sequential(*[Inverted(Setting(*n)) for n in [(8, 8, 1), (8, 8, 2), (8, 12, 2)]])(torch.randn(2, 8, 16, 16))
"""

POOLED_UNIT = """class Unit(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(cin, cin, 1), nn.Conv2d(cin, cout - cin, 3, stride=stride, padding=1))
        self.shortcut = nn.AvgPool2d(3, stride=2, padding=1)

    def forward(self, x):
        return torch.cat([self.shortcut(x), self.branch(x)], dim=1)
"""

SHUFFLED = f"""{POOLED_UNIT}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.Sequential(self.stage(8, 16, stride=2), self.stage(16, 32, stride=2))

    def stage(self, cin, cout, stride):
        return nn.Sequential(Unit(cin, cout, stride=stride), nn.ReLU())

    def forward(self, x):
        return self.stages(x)


Net()(torch.randn(2, 8, 16, 16))
"""

NAMED = """class Net(nn.Module):
    def __init__(self, channels=3, init_channels=8):
        super().__init__()
        self.features = nn.Sequential()
        self.features.append(nn.Conv2d(channels, init_channels, 3, padding=1))
        channels = init_channels
        for width in (12, 16):
            self.features.append(nn.Conv2d(channels, width, 3, padding=1))
            channels = width

    def forward(self, x):
        return self.features(x)


Net()(torch.randn(2, 3, 16, 16))
"""

PAIRED = """class Split(nn.Module):
    def __init__(self, width, kernel, padding):
        super().__init__()
        self.rows = nn.Conv2d(width, width, (kernel, 1), padding=(padding, 0))
        self.columns = nn.Conv2d(width, width, (1, kernel), padding=(0, padding))

    def forward(self, x):
        return self.columns(self.rows(x))


class Unit(nn.Module):
    def __init__(self, width, kernel):
        super().__init__()
        padding1 = (kernel - 1) // 2
        self.conv = Split(width, kernel, padding=padding1)

    def forward(self, x):
        return x + self.conv(x)


nn.Sequential(Unit(8, 3), Unit(8, 5))(torch.randn(2, 8, 16, 16))
"""

UNET = """def double(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU())


def up(cin, cout):
    return nn.ConvTranspose2d(cin, cout, 2, stride=2)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.down3 = double(3, 8), double(8, 16), double(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.up2, self.dec2 = up(32, 16), double(32, 16)
        self.up1, self.dec1 = up(16, 8), double(16, 8)

    def forward(self, x):
        d1 = self.down1(x)
        d2 = self.down2(self.pool(d1))
        d3 = self.down3(self.pool(d2))
        u2 = self.dec2(torch.cat([self.up2(d3), d2], 1))
        return self.dec1(torch.cat([self.up1(u2), d1], 1))


UNet()(torch.randn(1, 3, 32, 32))
"""

STREAMS = """class Streams(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.own = nn.Conv2d(cin, cout, 3, padding=1, stride=stride)
        self.across = nn.Conv2d(cin, cout, 3, padding=1, stride=stride)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x, y):
        return torch.relu(self.norm(self.own(x) + self.across(y)))


Streams(8, 16, 2)(torch.randn(2, 8, 16, 16), torch.randn(2, 8, 16, 16))
"""

HANDED_ON = """class ConvBlock(nn.Module):
    def __init__(self, cin, cout, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, padding)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.norm(self.conv(x))


def conv3(padding=1, **kwargs):
    return ConvBlock(kernel=3, padding=padding, **kwargs)


class Decoder(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = conv3(cin=cin, cout=cout)
        self.up = nn.ConvTranspose2d(cout, cout, 2, stride=2)

    def forward(self, x):
        return self.up(self.conv(x))


class Net(nn.Module):
    def __init__(self, widths, first):
        super().__init__()
        self.units = nn.Sequential(conv3(cin=3, cout=first))
        width = first
        for out in widths:
            self.units.append(Decoder(cin=width, cout=out))
            width = out

    def forward(self, x):
        return self.units(x)


Net([16, 12, 8], 24)(torch.randn(2, 3, 8, 8))
"""

LOOPED = f"""{POOLED_UNIT}

class Net(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.width, self.stages = 8, nn.Sequential()
        strides = [stride] * 2
        for stride in strides:
            self.stages.append(Unit(self.width, 2 * self.width, stride=stride))
            self.width *= 2

    def forward(self, x):
        return self.stages(x)


Net(2)(torch.randn(2, 8, 16, 16))
"""

STACKED = """class Part(nn.Module):
    def __init__(self, width, padding, dilation=1):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=padding, dilation=dilation)

    def forward(self, x):
        return torch.relu(self.conv(x))


class Branches(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.near, self.far = Part(width, padding=1), Part(width, padding=2, dilation=2)

    def forward(self, x):
        return torch.stack([self.near(x), self.far(x)], dim=1).mean(1)


Branches(8)(torch.randn(2, 8, 16, 16))
"""

BESIDE = """class Inverted(nn.Module):
    def __init__(self, inp, out, stride):
        super().__init__()
        self.residual = stride == 1 and inp == out
        self.block = nn.Conv2d(inp, out, 3, stride=stride, padding=1)

    def forward(self, x):
        return x + self.block(x) if self.residual else self.block(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.deep = nn.Sequential(Inverted(3, 8, 2), Inverted(8, 8, 1), Inverted(8, 8, 2))
        self.side = nn.Conv2d(3, 8, 5, stride=4, padding=2)

    def forward(self, x):
        return self.deep(x) + self.side(x)


Net()(torch.randn(2, 3, 16, 16))
"""

SEPARABLE = """class Separable(nn.Module):
    def __init__(self, cin, cout, kernel, **kwargs):
        super().__init__()
        self.depthwise = nn.Conv2d(cin, cin, kernel, groups=cin, **kwargs)
        self.pointwise = nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Separable(8, 16, 3, padding=1), nn.ReLU(), Separable(16, 8, 3, padding=1))

    def forward(self, x):
        return x + self.body(x)


Block()(torch.randn(2, 8, 16, 16))
"""

# Only the second layer of the block takes its stride.
LATER = RESNET.replace("Conv(cin, planes, stride)", "Conv(cin, planes)").replace(
    "planes * self.expansion)\n        self.down", "planes * self.expansion, stride)\n        self.down"
)

DILATED = """class Block(nn.Module):
    def __init__(self, cin, cout, size, dilation):
        super().__init__()
        self.conv1 = nn.Conv1d(cin, cout, size, padding=(size - 1) // 2 * dilation, dilation=dilation)
        self.conv2 = nn.Conv1d(cout, cout, size, padding=(size - 1) // 2 * dilation, dilation=dilation)
        self.shortcut = nn.Conv1d(cin, cout, 1)

    def forward(self, x):
        return self.conv2(self.conv1(x)) + self.shortcut(x)


nn.Sequential(*[Block(4 * n, 4 * n + 4, 7, 2**n) for n in (1, 2, 3)])(torch.randn(2, 4, 128))
"""

STATED = """class Setting:
    def __init__(self, inp, out, stride, residual=False):
        self.inp, self.out, self.stride, self.residual = inp, out, stride, residual


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.conv = nn.Conv2d(cfg.inp, cfg.out, 3, cfg.stride, 1)

    def forward(self, x):
        return x + self.conv(x) if self.cfg.residual else self.conv(x)


class Unit(nn.Module):
    def __init__(self, inp, out, skip=False):
        super().__init__()
        self.conv = nn.Conv2d(inp, out, 1)
        self.skip = skip

    def forward(self, x):
        y = self.conv(x)
        if self.skip:
            y = y + x
        return y


settings = [
    Setting(8, 8, 1, residual=True),
    Setting(8, 12, 2, residual=False),
    Setting(12, 12, 1, residual=True),
]
units = [Unit(12, 16, skip=False), Unit(16, 16, skip=True)]
nn.Sequential(*map(Block, settings), *units)(torch.randn(2, 8, 16, 16))
"""

OPTION = """class Block(nn.Module):
    def __init__(self, cin, cout, conv_shortcut=False):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)
        self.use_shortcut = conv_shortcut or cin != cout
        if self.use_shortcut:
            self.shortcut = nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        return self.conv(x) + (self.shortcut(x) if self.use_shortcut else x)


nn.Sequential(Block(8, 8), Block(8, 16), Block(16, 16, conv_shortcut=True))(torch.randn(2, 8, 16, 16))
"""

# What feeds the layer has its width from a name of another loop; another layer of the function has the same.
FUSED = """class Fused(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.stages, self.fuse = nn.ModuleList(), nn.ModuleList()
        for i in range(2):
            width = c * 2**i
            self.stages.append(nn.Conv2d(width, width, 1))
        for level in range(2):
            for other in range(2):
                if other == level:
                    self.fuse.append(nn.Identity())
                elif other < level:
                    self.fuse.append(nn.Conv2d(c * 2**other, c * 2**level, 3, 2, 1))
                else:
                    self.fuse.append(nn.Conv2d(c * 2**other, c * 2**level, 1))

    def forward(self, a, b):
        a, b = self.stages[0](a), self.stages[1](b)
        up = nn.functional.interpolate(self.fuse[1](b), scale_factor=2.0)
        return a + up, self.fuse[2](a) + b


Fused(8)(torch.randn(2, 8, 16, 16), torch.randn(2, 16, 8, 8))
"""

CASES = {
    "a flag without channels": (INVERTED, "cnf.stride == 1 and cnf.inp == cnf.out", "cnf.stride == 1"),
    "a flag without stride": (INVERTED, "cnf.stride == 1 and cnf.inp == cnf.out", "cnf.inp <= cnf.out"),
    "a flag that is true": (INVERTED, "cnf.stride == 1 and cnf.inp == cnf.out", "True"),
    "a test in forward": (GUARDED, "self.stride == 1 and self.inp == self.out", "self.stride == 1"),
    "a flag that builds the projection": (RESIZED, "(cin != cout) or (stride != 1)", "cin != cout"),
    "a stride lost in a helper": (RESIZED, "conv_block(cin, cout, 3, stride)", "conv_block(cin, cout, 3)"),
    "a stride lost in a layer's class": (RESNET, "3, stride=stride,", "3, stride=1,"),
    "a stride that the caller does not pass": (RESNET, "planes, stride=stride, down", "planes, down"),
    "a stride twice": (
        RESNET,
        "Conv(planes, planes * self.expansion)",
        "Conv(planes, planes * self.expansion, stride)",
    ),
    "another width in all blocks": (EXPANDED, "Conv2d(inp, hidden_dim", "Conv2d(hidden_dim, hidden_dim"),
    "a width kept for the next stage": (RESNET, "self.width = planes * block.expansion", "self.width = planes"),
    "a stride and a condition": (
        RESNET,
        "stride=stride, padding=1",
        "stride=1, padding=1",
        "stride != 1 or self.width != planes * block.expansion",
        "stride != 1",
    ),
    "not permuted back": (MIXER, ".permute(0, 3, 1, 2)\n", "\n"),
    "a shortcut that pads too few channels": (PADDED, "cout // 4, cout // 4", "cout // 8, cout // 8"),
    "a shortcut that pads without a stride": (PADDED, "x[:, :, ::stride, ::stride]", "x"),
    "a condition that pads the shortcut": (PADDED, "stride != 1 or cin != cout", "cin == 0"),
    "a stride after the upsampling": (DECODER, "cout, 1)\n\n", "cout, 1, stride=stride)\n\n"),
    "not flattened after a pooling": (POOLED, "        x = torch.flatten(x, 1)\n", ""),
    "not flattened before a dropout": (DROPPED, "        x = torch.flatten(x, 1)\n", ""),
    "no padding before a pooling": (POOLED_BRANCH, "cout, 3, padding=1", "cout, 3, padding=0"),
    "too much padding before a pooling": (POOLED_BRANCH, "cout, 3, padding=1", "cout, 3, padding=2"),
    "a flag set before the stride": (LATE, "cnf.stride == 1 and cnf.inp == cnf.out", "True"),
    "a stride beside a pooled part": (SHUFFLED, "cout, stride=stride)", "cout, stride=1)"),
    "a width that a name gets next": (NAMED, "channels, init_channels, 3", "channels, channels, 3"),
    "a padding that a helper pairs": (PAIRED, "padding=padding1", "padding=0"),
    "an upsampling without its stride": (UNET, "cin, cout, 2, stride=2", "cin, cout, 2, stride=1"),
    "swapped widths in a helper": (UNET, "Transpose2d(cin, cout", "Transpose2d(cout, cin"),
    "swapped widths of one layer": (UNET, "up(32, 16)", "up(16, 32)"),
    "a stride lost in one of two streams": (
        STREAMS,
        "stride=stride)\n        self.norm",
        "stride=1)\n        self.norm",
    ),
    "a width two calls away": (HANDED_ON, "cin=width, cout=out", "cin=width, cout=width"),
    "a width beside a normalization": (HANDED_ON, "Conv2d(cin, cout, kernel", "Conv2d(cin, cin, kernel"),
    "a stride of a loop that is not passed": (LOOPED, "width, stride=stride)", "width, stride=1)"),
    "a padding lost in one of a pair": (PAIRED, "padding=(0, padding))", "padding=0)"),
    "a padding that is not read": (STACKED, "3, padding=padding,", "3, padding=0,"),
    "a stride that is only compared": (BESIDE, "3, stride=stride, padding=1", "3, stride=1, padding=1"),
    "a padding in the keywords of a helper": (SEPARABLE, "8, 16, 3, padding=1", "8, 16, 3, padding=0"),
    "a stride of the second layer": (LATER, "planes, stride=stride, down", "planes, down"),
    "a padding without the dilation": (
        DILATED,
        "cin, cout, size, padding=(size - 1) // 2 * dilation",
        "cin, cout, size, padding=(size - 1) // 2",
    ),
    "a flag in a setting": (STATED, "Setting(8, 12, 2, residual=False)", "Setting(8, 12, 2, residual=True)"),
    "an option that is off": (OPTION, "conv_shortcut or cin != cout", "conv_shortcut"),
    "a width of a sibling": (FUSED, "other, c * 2**level, 1))", "level, c * 2**level, 1))"),
    "a flag in a call": (STATED, "Unit(12, 16, skip=False)", "Unit(12, 16, skip=True)"),
    "not cut after causal padding": (CAUSAL, "out[..., : x.shape[-1]]", "out"),
}

WRITTEN = {
    "not flattened before a dropout": "return self.classifier(torch.flatten(x, 1))",
    "a shortcut that pads too few channels": "(0, 0, 0, 0, (cout - cin) // 2, (cout - cin) // 2)",
    "not flattened after a pooling": "return self.output(torch.flatten(x, 1))",
    "a flag that builds the projection": "self.resize_identity = stride != 1 or cin != cout",
    "a stride lost in a helper": "conv_block(cin, cout, 3, stride=stride)",
    "not permuted back": "return x + self.pw(self.dw(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)",
}
"""Lines of fixes that differ from the original in more than spaces."""


@pytest.fixture(scope="module")
def lint_all(workers: WorkerClient) -> Iterator[Lint]:
    """The command line for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        yield command_line(workers, patch)


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory, lint_all: Lint) -> dict[str, str]:
    """The text of every case after `--fix`."""
    folder = tmp_path_factory.mktemp("cases")
    paths = {}
    for name, (source, *pairs) in CASES.items():
        broken = HEAD + source
        for right, wrong in zip(pairs[::2], pairs[1::2], strict=True):
            assert right in broken
            broken = broken.replace(right, wrong)
        paths[name] = folder / f"{name.replace(' ', '_').replace(chr(39), '')}.py"
        paths[name].write_text(broken)
    lint_all(folder, "--fix", "--timeout", "600")
    return {name: path.read_text() for name, path in paths.items()}


@pytest.mark.parametrize("name", CASES)
def test_the_fix_is_what_a_reviewer_expects(name: str, fixed: dict[str, str]) -> None:
    """What was there before the mistake, or an equivalent spelling of it."""
    right = HEAD + CASES[name][0]
    lines = difflib.unified_diff(right.splitlines(), fixed[name].splitlines(), n=0, lineterm="")
    added = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
    expected = WRITTEN.get(name)
    assert all(expected is not None and expected in line for line in added), added


def test_what_is_right_stays_as_it_is(lint_all: Lint, tmp_path: Path) -> None:
    for index, source in enumerate(
        (
            INVERTED,
            GUARDED,
            RESIZED,
            RESNET,
            EXPANDED,
            MIXER,
            CAUSAL,
            PADDED,
            DECODER,
            LATE,
            SHUFFLED,
            NAMED,
            UNET,
            POOLED_BRANCH,
            HANDED_ON,
            LOOPED,
            STACKED,
            BESIDE,
            SEPARABLE,
            LATER,
            DILATED,
            STATED,
            OPTION,
            FUSED,
        )
    ):
        (tmp_path / f"right{index}.py").write_text(HEAD + source)
    result = lint_all(tmp_path, "--fix")
    assert (result.exit_code, result.stdout.splitlines()[-1].split(";")[0]) == (0, "0 errors, 0 warnings")


def test_the_edit_of_a_failing_layer_in_another_file(lint_all: Lint, tmp_path: Path) -> None:
    """A unit of another file is fed the wrong width by a layer of the checked file."""
    right = """from torch import nn, randn
from units import Unit


class Net(nn.Module):
    def __init__(self, channels, widths):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, widths[0], 3))
        channels = widths[0]
        for width in widths:
            self.layers.append(Unit(channels, width))
            channels = width

    def forward(self, x):
        return self.layers(x)


Net(3, [8, 16])(randn(2, 3, 8, 8))
"""
    unit = "".join(line for line in HANDED_ON.splitlines(keepends=True)[:8] if "norm" not in line)
    unit = unit.replace("ConvBlock", "Unit").replace("kernel, stride=1, padding=0", "kernel=1, stride=1, padding=0")
    (tmp_path / "units.py").write_text(f"from torch import nn\n\n\n{unit}        return self.conv(x)\n")
    path = tmp_path / "net.py"
    path.write_text(right.replace("(channels, widths[0], 3)", "(channels, channels, 3)"))
    result = lint_all(path, "--fix")
    assert path.read_text() == right, result.stdout


def test_a_condition_in_the_file_that_passes_the_shortcut(lint_all: Lint, tmp_path: Path) -> None:
    """The block stays as it is, and its file has no finding left."""
    block, _, rest = RESNET.partition("class Net(")
    net = f"from blocks import Block\nfrom torch import nn, randn\n\n\nclass Net({rest.replace('torch.', '')}"
    (tmp_path / "blocks.py").write_text(f"from torch import nn\n\n\n{block.rstrip()}\n")
    condition = "stride != 1 or self.width != planes * block.expansion"
    for written in ("stride != 1", condition):
        (tmp_path / "net.py").write_text(net.replace(condition, written))
        result = lint_all(tmp_path, "--fix")
        assert (result.exit_code, (tmp_path / "net.py").read_text()) == (0, net)
        assert (tmp_path / "blocks.py").read_text().endswith(f"{block.rstrip()}\n")


def test_a_parameter_that_is_no_longer_read_is_not_safe(lint_all: Lint, tmp_path: Path) -> None:
    """The width of the skip connection is wrong in a call; that of the layer is right."""
    path = tmp_path / "up.py"
    path.write_text(
        f"""{HEAD}class Up(nn.Module):
    def __init__(self, cin, skip, cout):
        super().__init__()
        self.up, self.conv = nn.ConvTranspose2d(cin, cout, 2, 2), nn.Conv2d(cout + skip, cout, 3, padding=1)

    def forward(self, x, y):
        return self.conv(torch.cat([self.up(x), y], 1))


Up(16, 8, 8)(torch.randn(2, 16, 8, 8), torch.randn(2, 8, 16, 16))
Up(32, 8, 16)(torch.randn(2, 32, 8, 8), torch.randn(2, 16, 16, 16))
"""
    )
    text = path.read_text()
    assert (lint_all(path, "--fix").exit_code, path.read_text()) == (1, text)


def test_a_block_with_a_projection_gets_no_second_one(lint_all: Lint, tmp_path: Path) -> None:
    """The flag that selects the projection is wrong, and the class builds the projection in an expression."""
    path = tmp_path / "wide.py"
    path.write_text(
        f"""{HEAD}class Wide(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
        self.same = True
        self.convShortcut = (not self.same) and nn.Conv2d(cin, cout, 1, stride) or None

    def forward(self, x):
        return torch.add(x if self.same else self.convShortcut(x), self.conv(x))


nn.Sequential(Wide(8, 8, 1), Wide(8, 16, 2))(torch.randn(2, 8, 16, 16))
"""
    )
    text = path.read_text()
    assert (lint_all(path, "--fix").exit_code, path.read_text()) == (1, text)
