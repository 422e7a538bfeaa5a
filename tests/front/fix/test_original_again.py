"""One mistake in a file that is right: `--fix` writes what was there before, or leaves the file alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint, command_line
from fixing import HEAD, fixed_texts

from resnet_lint.front.workers.worker_client import WorkerClient

FEED_FORWARD = """class FeedForward(nn.Module):
    def __init__(self, dim, mult):
        super().__init__()
        hidden = dim * mult
        self.net = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, x):
        return self.net(x)


class Layer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.first, self.second = FeedForward(dim, 4), FeedForward(dim, 4)

    def forward(self, x):
        x = x + self.first(x)
        return x + 0.5 * self.second(x)


nn.Sequential(Layer(8), Layer(8))(torch.randn(2, 5, 8))
"""

METHOD = """class Block(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.inplanes, self.planes = inplanes, planes
        self.stride = stride
        self.conv = nn.Conv2d(inplanes, planes, 3, stride, padding=1)
        self.proj = self.projection() if stride != 1 or inplanes != planes else None

    def projection(self):
        return nn.Sequential(nn.Conv2d(self.inplanes, self.planes, 1, stride=self.stride), nn.BatchNorm2d(self.planes))

    def forward(self, x):
        return self.conv(x) + (x if self.proj is None else self.proj(x))


nn.Sequential(Block(4, 8), Block(8, 8, 2), Block(8, 8))(torch.randn(2, 4, 8, 8))
"""

UNET = """def block(cin, cout, k=3):
    p = (k - 1) // 2
    return nn.Sequential(nn.Conv2d(cin, cout, k, padding=p), nn.ReLU(), nn.Conv2d(cout, cout, k, padding=p))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.down3 = block(3, 4), block(4, 8), block(8, 16)
        self.up2, self.up1 = nn.ConvTranspose2d(16, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)
        self.conv2, self.conv1 = block(16, 8), block(8, 4)

    def forward(self, x):
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        x = self.up2(self.down3(F.max_pool2d(two, 2)))
        x = self.up1(self.conv2(torch.cat([two, x], 1)))
        return self.conv1(torch.cat([one, x], 1))


UNet()(torch.randn(1, 3, 48, 48))
"""

AUTOENCODER = """class Refined(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU())
        self.decoder = nn.ConvTranspose2d(8, 1, 3, stride=2, padding=1, output_padding=1)
        self.refine = nn.Conv2d(1, 1, 5, padding=2)

    def forward(self, x):
        return self.decoder(self.encoder(x)) + self.refine(x)


x = torch.rand(2, 1, 28, 28)
F.mse_loss(Refined()(x), x).backward()
"""

PASSES = """class Passes(nn.Module):
    def __init__(self, width, k):
        super().__init__()
        self.down = nn.Conv2d(width, width, (1, k), padding=(0, k // 2))
        self.right = nn.Conv2d(width, width, (k, 1), padding=(k // 2, 0))

    def forward(self, x):
        x = x + self.down(x)
        return x + self.right(x)


Passes(4, 9)(torch.randn(2, 4, 6, 12))
"""

PREACTIVATED = """class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.main = nn.Sequential(nn.BatchNorm2d(cin), nn.ReLU(), nn.Conv2d(cin, cout, 3, padding=1))
        self.skip = nn.Identity() if cin == cout else nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        return self.main(x) + self.skip(x)


class Stem(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.blocks = nn.Sequential(
            Block(3, width // 2),
            Block(width // 2, width // 2),
            Block(width // 2, width // 2),
            Block(width // 2, width),
        )

    def forward(self, x):
        return self.blocks(x)


Stem(16)(torch.randn(2, 3, 8, 8))
"""

VIDEO = """class Conv2Plus1D(nn.Sequential):
    def __init__(self, cin, cout, mid, stride=1):
        super().__init__(
            nn.Conv3d(cin, mid, kernel_size=(1, 3, 3), stride=(1, stride, stride), padding=(0, 1, 1)),
            nn.ReLU(),
            nn.Conv3d(mid, cout, kernel_size=(3, 1, 1), stride=(stride, 1, 1), padding=(1, 0, 0)),
        )


class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1, self.conv2 = Conv2Plus1D(cin, cout, 4, stride), Conv2Plus1D(cout, cout, 4)
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Conv3d(cin, cout, 1, stride)

    def forward(self, x):
        return self.conv2(self.conv1(x)) + (x if self.downsample is None else self.downsample(x))


nn.Sequential(Block(3, 4), Block(4, 8, 2), Block(8, 8))(torch.randn(1, 3, 4, 8, 8))
"""

SCALED = """class Scaled(nn.Module):
    def __init__(self, planes=8):
        super().__init__()
        self.branches = nn.ModuleList([nn.Conv2d(planes, 4, 1), nn.Conv2d(planes, 4, 3, padding=1)])
        self.join = nn.Conv2d(8, planes, 1)

    def forward(self, x):
        return x + 0.1 * self.join(torch.cat([branch(x) for branch in self.branches], 1))


nn.Sequential(Scaled(), nn.Conv2d(8, 12, 1), Scaled(12))(torch.randn(2, 8, 6, 6))
"""

BUILT = """class Net(nn.Module):
    def __init__(self, widths, in_channels=3):
        super().__init__()
        layers = [nn.Conv2d(in_channels, widths[0], 3, padding=1)]
        for cin, cout in zip(widths, widths[1:]):
            layers.append(nn.Conv2d(cin, cout, 3, 2, 1))
        self.layers, self.head = nn.Sequential(*layers), nn.Linear(widths[-1], 10)

    def forward(self, x):
        return self.head(self.layers(x).mean((2, 3)))


def small():
    return Net([8, 16])


if __name__ == "__main__":
    small()(torch.randn(2, 3, 32, 32))
"""

ATTENDED = """class Unit(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.resize = stride != 1 or cin != cout
        self.conv, self.gate = nn.Conv2d(cin, cout, 3, stride, 1), nn.Conv2d(cin, cout, 3, stride, 1)
        self.pool = nn.MaxPool2d(2)
        if self.resize:
            self.identity_conv = nn.Conv2d(cin, cout, 1, stride)

    def forward(self, x):
        identity = self.identity_conv(x) if self.resize else x
        y = self.conv(x)
        gate = F.interpolate(self.gate(self.pool(x)), size=y.shape[2:])
        return y * torch.sigmoid(gate) + identity


nn.Sequential(Unit(3, 8, 1), Unit(8, 8, 1), Unit(8, 16, 2))(torch.randn(2, 3, 16, 16))
"""

CASES = {
    "back to the width of the input": (FEED_FORWARD, "nn.Linear(hidden, dim))", "nn.Linear(hidden, hidden))"),
    "an attribute in a method": (METHOD, "1, stride=self.stride)", "1)"),
    "one padding of a U-Net": (UNET, "nn.Conv2d(cout, cout, k, padding=p)", "nn.Conv2d(cout, cout, k)"),
    "a padding before an upsampling": (AUTOENCODER, "3, stride=2, padding=1), nn", "3, stride=2), nn"),
    "a kernel larger than its input": (PASSES, "(k, 1), padding=(k // 2, 0))", "(k, 1))"),
    "the width of a pre-activated block": (
        PREACTIVATED,
        "Block(width // 2, width // 2),\n            Block(width // 2, width),",
        "Block(width, width // 2),\n            Block(width // 2, width),",
    ),
    "a stride along one axis": (VIDEO, "(3, 1, 1), stride=(stride, 1, 1), padding", "(3, 1, 1), padding"),
    "an attention that goes down and up again": (ATTENDED, "stride != 1 or cin != cout", "stride != 1"),
    "a number for a width": (SCALED, "nn.Conv2d(8, planes, 1)", "nn.Conv2d(8, 8, 1)"),
    "a first layer that fits an invented input": (
        BUILT,
        "nn.Conv2d(in_channels, widths[0], 3",
        "nn.Conv2d(widths[0], widths[0], 3",
    ),
}

HOURGLASS = """def conv(cin, cout, k, s=1):
    return nn.Conv2d(cin, cout, k, s, padding=k // 3)


class Hourglass(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.side, self.low = conv(width, width, 3), conv(width, width, 3)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x):
        return self.side(x) + self.up(self.low(F.max_pool2d(x, 2)))


nn.Sequential(conv(3, 8, 7, 2), Hourglass(8))(torch.randn(1, 3, 32, 32))
"""

BYPASSED = VIDEO.replace("nn.Conv3d(cin, cout, 1, stride)", "nn.Conv3d(cin, cout, 1, strides)").replace(
    "            self.downsample = ", "            strides = (1, stride, stride)\n            self.downsample = "
)

LEFT_ALONE = {"a resize that hides a lost padding": HOURGLASS, "a variable that nothing reads any more": BYPASSED}


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory, workers: WorkerClient) -> dict[str, str]:
    """The text of every case after `--fix`."""
    texts = {name: HEAD + right.replace(old, new) for name, (right, old, new) in CASES.items()}
    texts |= {name: HEAD + text for name, text in LEFT_ALONE.items()}
    return fixed_texts(texts, tmp_path_factory.mktemp("cases"), workers)


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_written(name: str, fixed: dict[str, str]) -> None:
    right, old, new = CASES[name]
    assert (old in right, fixed[name]) == (True, HEAD + right), HEAD + right.replace(old, new)


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_hides_a_mistake_is_not_safe(name: str, fixed: dict[str, str]) -> None:
    assert fixed[name] == HEAD + LEFT_ALONE[name]


def test_the_originals_are_right(workers: WorkerClient, tmp_path: Path) -> None:
    for index, (right, _, _) in enumerate(CASES.values()):
        (tmp_path / f"right{index}.py").write_text(HEAD + right)
    with pytest.MonkeyPatch.context() as patch:
        lint: Lint = command_line(workers, patch)
        assert lint(tmp_path).exit_code == 0
