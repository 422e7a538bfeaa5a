"""Joins that work for some input sizes only: the arithmetic of sizes, the conditions as text, the reports."""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from conftest import Lint
from fixing import fix, output_shape, write
from tracing import HEAD, net, record

from resnet_lint.worker.sizes.follow_sizes import Follower
from resnet_lint.worker.sizes.periodic_sizes import PeriodicCondition, periodic_condition
from resnet_lint.worker.sizes.unlike_joins import sizes_of_inputs

UNET = """
import torch
from torch import nn

class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.enter, self.middle, self.deep = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 16, 1), nn.Conv2d(16, 16, 1)
        self.ups = nn.ModuleList([nn.ConvTranspose2d(16, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)])
        self.merge = nn.ModuleList([nn.Conv2d(32, 16, 1), nn.Conv2d(16, 8, 1)])

    def forward(self, x):
        full = self.enter(x)
        half = self.middle(self.pool(full))
        x = self.deep(self.pool(half))
        for up, merge, skip in zip(self.ups, self.merge, (half, full)):
            x = up(x)
            x = merge(torch.cat([skip, x], 1))
        return x
"""

# How StyleTTS halves a signal: a pooling function in its own module.
SIGNAL = """
import torch
import torch.nn.functional as F
from torch import nn

class Halve(nn.Module):
    def forward(self, signal):
        return F.avg_pool1d(signal, 2)

class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.middle = Halve()
        self.branch = nn.Conv1d(channels, channels, 3, stride=2, padding=1)

    def forward(self, signal):
        return self.middle(signal) + self.branch(signal)

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(8), Block(8))

    def forward(self, signal):
        return self.blocks(signal)

if __name__ == "__main__":
    Encoder()(torch.randn(2, 8, 64))
"""


@pytest.mark.parametrize(
    "call",
    [
        "nn.Conv2d(4, 4, 3, stride=2, padding=1)(x)",
        "nn.Conv2d(4, 4, 5, stride=3, padding=2, dilation=2)(x)",
        "nn.Conv2d(4, 4, 4, padding='same')(x)",
        "nn.Conv2d(4, 4, (3, 1), stride=(2, 1))(x)",
        "nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1)(x)",
        "nn.MaxPool2d(3, 2, 1)(x)",
        "nn.MaxPool2d(3, 2, ceil_mode=True)(x)",
        "nn.AvgPool2d(1, 2, ceil_mode=True)(x)",
        "F.avg_pool2d(x, 2, ceil_mode=True)",
        "F.max_pool2d(x, 3, 1)",
        "F.interpolate(x, scale_factor=2)",
        "F.interpolate(F.max_pool2d(x, 2), scale_factor=2)",
        "F.interpolate(x, scale_factor=(0.5, 1.5))",
        "F.pixel_shuffle(x, 2)",
        "F.pad(x, (1, 2, 0, 1))",
        "x[:, :, 1:, ::2]",
        "x[..., :-1]",
        "x.permute(0, 2, 3, 1)",
        "x.transpose(-1, -2)",
        "x.split(2, 1)[1]",
        "F.relu(x) * x.mean((2, 3), keepdim=True)",
        "x.view(x.shape[0], 2, 2, *x.shape[2:]).transpose(1, 2).flatten(1, 2)",
    ],
)
def test_sizes_are_those_of_torch(call: str, tmp_path: Path) -> None:
    trace = record(tmp_path, net(f"return {call}"), (2, 4, 12, 14))
    [source, *_, result] = list(trace.nodes)
    sizes = Follower(sizes_of_inputs([source], trace.nodes)).sizes(result)
    assert any(sizes)
    namespace = {"nn": torch.nn, "F": torch.nn.functional}
    for height, width in ((11, 9), (12, 17), (23, 24)):
        with torch.device("meta"):
            shape = eval(call, namespace, {"x": torch.empty(2, 4, height, width)}).shape
        numbers = {"H": height, "W": width}
        found = [size.at(numbers[size.axis]) if size is not None else None for size in sizes]
        assert all(size in (None, extent) for size, extent in zip(found, shape, strict=True))


@pytest.mark.parametrize(
    "call",
    [
        "F.adaptive_avg_pool2d(x, (12, 14))",
        "F.interpolate(x, size=(24, 28))",
        "F.pad(x, [0, 0, 0, 0])",
        "x[:, :, :12, :14]",
        "F.unfold(x, 2)",
    ],
)
def test_what_may_come_from_a_shape_is_unknown(call: str, tmp_path: Path) -> None:
    trace = record(tmp_path, net(f"return {call}"), (2, 4, 12, 14))
    [source, *_, result] = list(trace.nodes)
    assert not any(Follower(sizes_of_inputs([source], trace.nodes)).sizes(result))


@pytest.mark.parametrize(
    "text",
    [
        "H % 2 == 0",
        "H % 32 == 0",
        "H % 4 == 1",
        "H//2 % 2 == 0",
        "ceil(H/4) % 2 == 0",
        "(H + 1)//4 % 2 == 0",
        "H % 3 != 2",
        "H % 8 in (1, 2, 5)",
    ],
)
@pytest.mark.parametrize("least", [1, 7])
def test_a_condition_is_read_off_the_sizes_that_work(text: str, least: int) -> None:
    condition = periodic_condition(lambda size: bool(eval(text, {"H": size, "ceil": ceil})), least)
    assert isinstance(condition, PeriodicCondition)
    assert condition.text("H") == text


@pytest.mark.parametrize("works", [lambda size: True, lambda size: False, lambda size: size == 224])
def test_no_condition_where_there_is_no_pattern(works: object) -> None:
    assert callable(works)
    assert periodic_condition(works, 1) is None


def checked(lint: Lint, folder: Path, source: str, *options: str) -> tuple[str, str]:
    """The report about a model file, and its text afterwards."""
    path = folder / "model.py"
    path.write_text(source)
    result = lint(path, "--isolated", *options)
    assert result.exit_code == 0, result.output
    return result.stdout, path.read_text()


def test_a_unet_that_needs_sizes_that_divide_is_not_rewritten(lint: Lint, tmp_path: Path) -> None:
    report, _ = checked(lint, tmp_path, UNET)
    assert "warning: RL107 UNet only accepts heights and widths divisible by 4 (H % 4 == 0 and W % 4 == 0)" in report
    assert "hint (not verified): resize the upsampled map to the size of the skip" in report
    _, text = checked(lint, tmp_path, UNET, "--fix")
    assert text == UNET


def test_a_signal_that_is_pooled_by_a_function(lint: Lint, tmp_path: Path) -> None:
    report, text = checked(lint, tmp_path, SIGNAL, "--fix")
    assert "0 errors, 0 warnings" in report
    assert "F.avg_pool1d(signal, 2, ceil_mode=True)" in text


def test_sizes_that_the_file_feeds_its_decoder_are_not_reported(lint: Lint, tmp_path: Path) -> None:
    main = 'if __name__ == "__main__":\n    UNet()(torch.randn(1, 3, 64, 64))\n'
    report, _ = checked(lint, tmp_path, f"{UNET}\n{main}")
    assert report.startswith("0 errors, 0 warnings")


BLURRED = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.AvgPool2d(2))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(cin, cout, 1))

    def forward(self, x):
        return self.branch(x) + self.shortcut(x)


if __name__ == "__main__":
    Block(4, 8)(torch.randn(2, 4, 32, 32))
"""


def test_a_pool_in_the_branch_rounds_up_as_the_shortcut_does(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, BLURRED)
    [line] = fix(lint, path).added
    assert line == "self.branch = nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.AvgPool2d(2, ceil_mode=True))"
    assert output_shape(path, "Block(4, 8)", (2, 4, 31, 33)) == (2, 8, 16, 17)


# The file itself feeds the size that fails: an error, with the condition under which it would work.
AT_THE_FILES_SIZE = {
    "a pooled shortcut": (
        BLURRED.replace("32, 32", "31, 32"),
        "Block only accepts even heights and widths (H % 2 == 0 and W % 2 == 0): "
        "this addition joins (N, 8, H//2, W//2) and (N, 8, ceil(H/2), ceil(W/2))",
    ),
    "a decoder": (
        f"{UNET}\nif __name__ == '__main__':\n    UNet()(torch.randn(1, 3, 64, 54))\n",
        "UNet only accepts heights and widths divisible by 4 (H % 4 == 0 and W % 4 == 0): "
        "this concatenation joins (N, 16, H//2, W//2) and (N, 16, 2*(H//4), 2*(W//4))",
    ),
    "three parts of one concatenation": (
        net(
            "return torch.cat([x, self.four(x), self.two(x)], 1)",
            four="nn.Sequential(nn.MaxPool2d(4), nn.Upsample(scale_factor=4))",
            two="nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2))",
        )
        + "if __name__ == '__main__':\n    Net()(torch.randn(1, 4, 31, 32))\n",
        "Net only accepts heights and widths divisible by 4 (H % 4 == 0 and W % 4 == 0): "
        "this concatenation joins (N, 4, H, W) and (N, 4, 4*(H//4), 4*(W//4))",
    ),
    "levels of a pyramid whose odd sizes were rounded up": (
        """
        import torch
        import torch.nn.functional as F
        from torch import nn

        class Top(nn.Module):
            def __init__(self):
                super().__init__()
                self.fine, self.coarse = nn.Conv2d(8, 4, 1), nn.Conv2d(16, 4, 1)

            def forward(self, levels):
                return self.fine(levels[0]) + F.interpolate(self.coarse(levels[1]), scale_factor=2)

        if __name__ == "__main__":
            Top()([torch.randn(1, 8, 32, 43), torch.randn(1, 16, 16, 22)])
        """,
        "Top only accepts even heights and widths (H % 2 == 0 and W % 2 == 0): "
        "this addition joins (N, 4, H, W) and (N, 4, 2*ceil(H/2), 2*ceil(W/2))",
    ),
}


@pytest.mark.parametrize("label", AT_THE_FILES_SIZE)
def test_an_error_at_the_size_of_the_file_says_which_sizes_work(label: str, lint: Lint, tmp_path: Path) -> None:
    source, condition = AT_THE_FILES_SIZE[label]
    result = lint(write(tmp_path, HEAD + dedent(source)))
    assert result.exit_code == 1
    assert re.search(r"cannot (add|concatenate) at this size: ", result.stdout)
    assert condition in result.stdout


@pytest.mark.parametrize(
    "shortcut",
    [
        pytest.param("nn.Identity()", id="equal for a single pixel only"),
        pytest.param("nn.AvgPool2d(4)", id="equal for few sizes only"),
        pytest.param("nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(4, 6, 1))", id="other channels too"),
    ],
)
def test_what_no_size_fixes_has_no_condition(shortcut: str, lint: Lint, tmp_path: Path) -> None:
    source = net("return self.branch(x) + self.shortcut(x)", branch="nn.Conv2d(4, 4, 3, 2, 1)", shortcut=shortcut)
    feed = "if __name__ == '__main__':\n    Net()(torch.randn(1, 4, 31, 31))\n"
    result = lint(write(tmp_path, HEAD + source + feed))
    assert result.exit_code == 1
    assert "cannot add: " in result.stdout
    assert "only accepts" not in result.stdout


# What follows from the calls of one trace, and is not so at other sizes.
UNFORESEEN = {
    "a padding that the code works out": """
        y = self.up(self.pool(x))
        x = x + F.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
        return self.third(x) + self.thrice(x)
    """,
    "a branch on the size": """
        if x.shape[-1] >= 40:
            x = F.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2))
        return self.pool(x) + self.twice(x)
    """,
    "a view that happens to keep the size": """
        x = x + self.up(self.pool(x)).mean((2, 3), keepdim=True)
        return self.pool(x) + self.twice(x).reshape(1, 4, 16, 16)
    """,
}


@pytest.mark.parametrize("label", UNFORESEEN)
def test_what_does_not_come_true_at_other_sizes_is_not_said(label: str, lint: Lint, tmp_path: Path) -> None:
    source = net(
        UNFORESEEN[label],
        up="nn.Upsample(scale_factor=2)",
        pool="nn.MaxPool2d(2)",
        twice="nn.Conv2d(4, 4, 3, 2, 1)",
        third="nn.MaxPool2d(3)",
        thrice="nn.Conv2d(4, 4, 3, 3, 1)",
    )
    result = lint(write(tmp_path, f"{HEAD}{source}if __name__ == '__main__':\n    Net()(torch.randn(1, 4, 31, 31))\n"))
    assert "cannot add: " in result.stdout
    assert "only accepts" not in result.stdout
