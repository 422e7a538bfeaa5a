"""A line, a term or a variable that got lost in a file that is right: `--fix` writes what was there before."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint, command_line
from fixing import HEAD, fixed_texts

from resnet_lint.front.workers.worker_client import WorkerClient

STAGES = """class Block(nn.Module):
    expansion = 2

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1)
        self.conv2 = nn.Conv2d(planes, planes * self.expansion, 1)
        self.downsample = downsample

    def forward(self, x):
        return self.conv2(self.conv1(x)) + (x if self.downsample is None else self.downsample(x))


class Net(nn.Module):
    def __init__(self, block, layers):
        super().__init__()
        self.inplanes = 3
        self.layer1 = self._make_layer(block, 4, layers[0])
        self.layer2 = self._make_layer(block, 8, layers[1], stride=2)
        self.layer3 = self._make_layer(block, 16, layers[2], stride=2)

    def _make_layer(self, block, planes, blocks, stride=1):
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Conv2d(self.inplanes, planes * block.expansion, 1, stride)
        layers = [block(self.inplanes, planes, stride, downsample)]
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes))
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.layer3(self.layer2(self.layer1(x)))


Net(Block, [2, 2, 1])(torch.randn(2, 3, 16, 16))
"""

HEADS = """class Heads(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width
        self.boxes, self.scores = self.head(16, 4), self.head(16, 2)

    def head(self, mid, out):
        return nn.Sequential(nn.Conv2d(self.width, mid, 3, padding=1), nn.Conv2d(mid, out, 1))

    def forward(self, x):
        return self.boxes(x), self.scores(x)


Heads(8)(torch.randn(2, 8, 6, 6))
"""

DECODER = """class Up(nn.Module):
    def __init__(self, cin, skip, cout):
        super().__init__()
        self.up = nn.ConvTranspose2d(cin, cin // 2, 2, stride=2)
        self.conv = nn.Conv2d(cin // 2 + skip, cout, 3, padding=1)

    def forward(self, x, skip):
        return self.conv(torch.cat([self.up(x), skip], 1))


class UNet(nn.Module):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        width, self.downs, self.ups = 3, nn.ModuleList(), nn.ModuleList()
        for w in widths:
            self.downs.append(nn.Conv2d(width, w, 3, padding=1))
            width = w
        self.mid = nn.Conv2d(width, width * 2, 3, padding=1)
        width = width * 2
        for w in reversed(widths):
            self.ups.append(Up(width, w, w))
            width = w

    def forward(self, x):
        skips = []
        for down in self.downs:
            skips.append(down(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.mid(x)
        for up in self.ups:
            x = up(x, skips.pop())
        return x


UNet()(torch.randn(2, 3, 16, 16))
"""

ENCODER = """class Config:
    hidden, inner, heads = 32, 64, 4


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        self.qkv, self.out = nn.Linear(config.hidden, 3 * config.hidden), nn.Linear(config.hidden, config.hidden)

    def forward(self, x):
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return self.out(torch.flatten(y, 2))


class Inner(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden, config.inner)

    def forward(self, x):
        return F.gelu(self.dense(x))


class Output(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense, self.norm = nn.Linear(config.inner, config.hidden), nn.LayerNorm(config.hidden)

    def forward(self, h, x):
        return self.norm(x + self.dense(h))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention, self.inner, self.output = Attention(config), Inner(config), Output(config)

    def forward(self, x):
        x = x + self.attention(x)
        h = self.inner(x)
        return self.output(h, x)


nn.Sequential(Layer(Config()), Layer(Config()))(torch.randn(2, 5, 32))
"""

MLP = """def mlp(sizes):
    pairs = zip(sizes, sizes[1:])
    return nn.Sequential(*[part for a, b in pairs for part in (nn.Linear(a, b), nn.ReLU())])


class Res(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm, self.first = nn.LayerNorm(width), nn.Linear(width, hidden)
        self.rest = mlp([hidden, hidden, width])

    def forward(self, x):
        return x + self.rest(self.first(self.norm(x)))


nn.Sequential(Res(8, 32), Res(8, 32))(torch.randn(2, 8))
"""

GATED = """class SE(nn.Module):
    def __init__(self, channels, squeeze=4):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // squeeze, 1)
        self.fc2 = nn.Conv2d(channels // squeeze, channels, 1)

    def forward(self, x):
        scale = self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1))))
        return x * torch.sigmoid(scale)


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        last, layers = 3, []
        for width in widths:
            layers += [nn.Conv2d(last, width, 3, padding=1), SE(width)]
            last = width
        self.body, self.wide = nn.Sequential(*layers), nn.Conv2d(widths[-1], 2 * last, 1)
        self.head = nn.Linear(2 * last, 10)

    def forward(self, x):
        return self.head(self.wide(self.body(x)).mean((2, 3)))


Net([8, 16])(torch.randn(2, 3, 6, 6))
"""

TIMED = """class Timed(nn.Module):
    def __init__(self, cin, cout, emb=32):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(cin, cout, 3, padding=1), nn.Conv2d(cout, cout, 3, padding=1)
        self.emb = nn.Linear(emb, cout)
        self.skip = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x, t):
        h = self.conv1(x) + self.emb(F.silu(t))[:, :, None, None]
        return self.conv2(h) + self.skip(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = Timed(4, 8), Timed(8, 8)

    def forward(self, x, t):
        return self.b(self.a(x, t), t)


Net()(torch.randn(2, 4, 8, 8), torch.randn(2, 32))
"""

OWN_LAYERS = """class Mix(nn.Module):
    def __init__(self, cin, cout, kernel, stride=1):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.randn(cout, cin * kernel**2))

    def forward(self, x):
        n, _, h, w = x.shape
        patches = F.unfold(x, self.kernel, padding=self.kernel // 2, stride=self.stride)
        return (self.weight @ patches).view(n, -1, -(-h // self.stride), -(-w // self.stride))


class Block(nn.Module):
    def __init__(self, cin, cout, stride=1, downsample=None):
        super().__init__()
        self.mix, self.downsample = Mix(cin, cout, 3, stride), downsample

    def forward(self, x):
        return self.mix(x) + (x if self.downsample is None else self.downsample(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = 3
        self.body = nn.Sequential(self.stage(4, 1), self.stage(8, 2))

    def stage(self, width, stride):
        downsample = Mix(self.width, width, 1, stride) if stride != 1 or self.width != width else None
        layers = [Block(self.width, width, stride=stride, downsample=downsample)]
        self.width = width
        return nn.Sequential(*layers, Block(width, width))

    def forward(self, x):
        return self.body(x)


Net()(torch.randn(2, 3, 8, 8))
"""

AUXILIARY = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.aux, self.out = nn.Linear(5, 32), nn.Linear(32, 16), nn.Linear(32, 10)

    def forward(self, x):
        x = self.stem(x)
        aux = self.aux(x)
        return self.out(x)


Net()(torch.randn(2, 5))
"""

CASES = {
    "the running width of stages": (STAGES, "        self.inplanes = planes * block.expansion\n", ""),
    "the width in a method": (HEADS, "nn.Conv2d(mid, out, 1)", "nn.Conv2d(self.width, out, 1)"),
    "a width that grows": (DECODER, "        width = width * 2\n", ""),
    "the channels of a skip": (DECODER, "cin // 2 + skip,", "cin // 2,"),
    "an unread variable": (ENCODER, "self.output(h, x)", "self.output(x, x)"),
    "heads that are not merged": (ENCODER, "torch.flatten(y, 2)", "y"),
    "a setting in another class": (
        ENCODER,
        "nn.Linear(config.hidden, config.inner)",
        "nn.Linear(config.hidden, config.hidden)",
    ),
    "a normalization": (MLP, "nn.LayerNorm(width)", "nn.LayerNorm(hidden)"),
    "the input of the first layer": (MLP, "nn.Linear(width, hidden)", "nn.Linear(hidden, hidden)"),
    "the width of a gate": (GATED, "channels // squeeze, channels, 1", "channels // squeeze, channels // squeeze, 1"),
    "the width of an embedding": (TIMED, "nn.Linear(emb, cout)", "nn.Linear(emb, cin)"),
    "the stride of a block of its own layers": (OWN_LAYERS, "stride=stride, down", "stride=1, down"),
    "the end of a list": (GATED, "nn.Conv2d(widths[-1],", "nn.Conv2d(widths[0],"),
    "a factor after the last stage": (GATED, "nn.Linear(2 * last, 10)", "nn.Linear(last, 10)"),
    "a variable that does not fit": (AUXILIARY, "nn.Linear(32, 10)", "nn.Linear(64, 10)"),
}

TWO_UNREAD = DECODER.replace("(self, cin, skip, cout)", "(self, cin, skip, cout, groups=1)").replace("2 + skip,", "2,")
SUMMED = """class Norms(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm, self.rest = nn.LayerNorm(hidden), mlp([width, hidden, width])

    def forward(self, x):
        return x + self.rest(self.norm(x))


nn.Sequential(Norms(8, 32), Norms(8, 32))(torch.randn(2, 8))
"""
LEFT_ALONE = {
    "a term that another parameter hides": TWO_UNREAD,
    "the width of other layers": MLP.partition("class")[0] + SUMMED,
}

IDENTITY = MLP.replace("x + self.rest", "self.keep(x) + self.rest").replace(
    "        self.rest = ", "        self.keep = nn.Identity()\n        self.rest = "
)


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory, workers: WorkerClient) -> dict[str, str]:
    """The text of every case after `--fix`."""
    texts = {name: HEAD + right.replace(old, new) for name, (right, old, new) in CASES.items()}
    texts |= {name: HEAD + text for name, text in LEFT_ALONE.items()}
    texts["identity"] = HEAD + IDENTITY.replace("hidden, width]", "hidden, hidden]").replace(
        "nn.Sequential(Res(8, 32), Res(8, 32))", "Res(8, 32)"
    )
    return fixed_texts(texts, tmp_path_factory.mktemp("cases"), workers)


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_written(name: str, fixed: dict[str, str]) -> None:
    right, old, new = CASES[name]
    assert (old in right, fixed[name]) == (True, HEAD + right), HEAD + right.replace(old, new)


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_may_be_meant_otherwise_is_not_safe(name: str, fixed: dict[str, str]) -> None:
    assert fixed[name] == HEAD + LEFT_ALONE[name]


def test_an_identity_of_any_name_is_the_shortcut_to_replace(fixed: dict[str, str]) -> None:
    assert "self.shortcut" not in fixed["identity"]
    assert "self.keep = nn.Linear(" in fixed["identity"]


def test_the_originals_are_right(workers: WorkerClient, tmp_path: Path) -> None:
    for index, (right, _, _) in enumerate(CASES.values()):
        (tmp_path / f"right{index}.py").write_text(HEAD + right)
    with pytest.MonkeyPatch.context() as patch:
        lint: Lint = command_line(workers, patch)
        assert lint(tmp_path, "--ignore", "RL207").exit_code == 0
