"""What the other layers of a block say about the one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint
from fixing import HEAD, fix, write

CAUSAL = f"""{HEAD}class Chomp(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return x[:, :, : -self.size]


class Block(nn.Module):
    def __init__(self, cin, cout, k, dilation):
        super().__init__()
        pad = (k - 1) * dilation
        self.conv1 = nn.Conv1d(cin, cout, k, padding=pad, dilation=dilation)
        self.chomp1 = Chomp(pad)
        self.conv2 = nn.Conv1d(cout, cout, k, padding=pad, dilation=dilation)
        self.chomp2 = Chomp(pad)

    def forward(self, x):
        out = F.relu(self.chomp1(self.conv1(x)))
        out = self.chomp2(self.conv2(out))
        return F.relu(out + x)


nn.Sequential(Block(4, 4, 3, 1), Block(4, 4, 3, 2))(torch.randn(2, 4, 30))
"""

SPLIT = f"""{HEAD}class Split(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, 4, 1, stride)
        self.conv2 = nn.Conv2d(4, 4, (1, 3), padding=(0, 1))
        self.conv3 = nn.Conv2d(4, cout, (3, 1), padding=(1, 0))
        self.short = nn.Conv2d(cin, cout, 1, stride)

    def forward(self, x):
        return self.conv3(self.conv2(self.conv1(x))) + self.short(x)


nn.Sequential(Split(4, 8), Split(8, 16, 2))(torch.randn(2, 4, 16, 16))
"""

TRUNK = f"""{HEAD}class Trunk(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*row) for row in rows)
        self.norm = nn.LayerNorm(rows[-1][1])
        self.head = nn.Linear(rows[-1][1], 10)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


Trunk([(8, 16), (16, 32)])(torch.randn(2, 8))
"""


@pytest.mark.parametrize(
    ("right", "expression", "wrong"),
    [
        (CAUSAL, "nn.Conv1d(cout, cout, k, padding=pad, dil", "nn.Conv1d(cout, cout, k, dil"),
        (SPLIT, "nn.Conv2d(4, 4, (1, 3), padding", "nn.Conv2d(4, 4, (1, 3), stride=stride, padding"),
        (TRUNK, "LayerNorm(rows[-1][1])", "LayerNorm(rows[0][1])"),
    ],
    ids=["a causal padding", "the stride of a kernel of 1x3", "the width of a last norm"],
)
def test_a_layer_gets_what_the_others_have(right: str, expression: str, wrong: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, right.replace(expression, wrong))
    fix(lint, path)
    assert path.read_text() == right


def test_a_module_that_is_never_called_cuts_off_the_causal_padding(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, CAUSAL.replace("self.chomp2(self.conv2(out))", "self.conv2(out)"))
    assert fix(lint, path).added == ["return F.relu(self.chomp2(out) + x)"]


def test_without_such_a_module_the_end_is_cut_off(lint: Lint, tmp_path: Path) -> None:
    text = CAUSAL.replace("self.chomp2(self.conv2(out))", "self.conv2(out)")
    path = write(tmp_path, text.replace("        self.chomp2 = Chomp(pad)\n", ""))
    assert fix(lint, path).added == ["return F.relu(out[..., : x.shape[-1]] + x)"]


def test_a_condition_in_a_method_of_the_parent_is_widened(lint: Lint, tmp_path: Path) -> None:
    right = f"""{HEAD}class Base(nn.Module):
    def make_shortcut(self, cin, cout, stride):
        if stride == 1 and cin == cout:
            return nn.Identity()
        return nn.Conv2d(cin, cout, 1, stride)

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Block(Base):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.body = nn.Conv2d(cin, cout, 3, stride, padding=1)
        self.shortcut = self.make_shortcut(cin, cout, stride)


nn.Sequential(Block(4, 8, 2), Block(8, 8), Block(8, 16))(torch.randn(2, 4, 8, 8))
"""
    path = write(tmp_path, right.replace("stride == 1 and cin == cout", "stride == 1"))
    fix(lint, path)
    assert path.read_text() == right


def test_a_shortcut_of_any_name_that_is_none_is_made_in_place(lint: Lint, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"""{HEAD}class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv1d(cin, cout, 3, padding=1)
        self.res = None

    def forward(self, x):
        res = x if self.res is None else self.res(x)
        return F.relu(self.conv(x) + res)


nn.Sequential(Block(4, 4), Block(4, 8))(torch.randn(2, 4, 30))
""",
    )
    assert fix(lint, path).added == [
        "if cin != cout:",
        "self.res = nn.Conv1d(cin, cout, kernel_size=1, bias=False)",
    ]


OPTIONAL = f"""{HEAD}class Residual(nn.Module):
    def __init__(self, cin, cout, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1, stride=strides)
        if use_1x1conv:
            self.conv2 = nn.Conv2d(cin, cout, 1, stride=strides)
        else:
            self.conv2 = None

    def forward(self, x):
        y = self.conv1(x)
        if self.conv2:
            x = self.conv2(x)
        y += x
        return F.relu(y)


nn.Sequential(Residual(4, 8, strides=2), Residual(8, 8))(torch.randn(2, 4, 8, 8))
"""


def test_a_block_with_an_optional_projection_of_any_name_gets_no_second_one(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, OPTIONAL)
    assert fix(lint, path).added == ["if use_1x1conv or strides != 1 or cin != cout:"]
