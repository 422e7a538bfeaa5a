"""Fixes that run and would be wrong are never written; what a reviewer would have done is."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint
from fixing import HEAD, findings, fix, write


def model(init: str, forward: str, more: str = "", run: str = "Net()(torch.randn(2, 3, 32, 32))") -> str:
    lines = "".join(f"        {line}\n" for line in init.split("\n"))
    return f"""{HEAD}{more}class Net(nn.Module):
    def __init__(self):
        super().__init__()
{lines}
    def forward(self, x):
        return {forward}


{run}
"""


@pytest.mark.parametrize(
    ("init", "forward", "added"),
    [
        (
            "self.conv = nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))\n"
            "self.fc = nn.Linear(64, 10)",
            "self.fc(self.conv(x))",
            "return self.fc(torch.flatten(self.conv(x), 1))",
        ),
        (
            "self.conv = nn.Conv2d(3, 16, 3, padding=1)\n"
            "self.head = nn.Sequential(nn.MaxPool2d(4), nn.Linear(1024, 10), nn.ReLU())",
            "self.head(self.conv(x))",
            "self.head = nn.Sequential(nn.MaxPool2d(4), nn.Flatten(), nn.Linear(1024, 10), nn.ReLU())",
        ),
    ],
    ids=["where the layer is called", "in the container"],
)
def test_a_missing_flatten_is_written(init: str, forward: str, added: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, model(init, forward))
    assert fix(lint, path).added == [added]


def test_a_flatten_needs_no_import_of_torch(lint: Lint, tmp_path: Path) -> None:
    init = "self.conv = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1))\nself.fc = nn.Linear(8, 10)"
    run = 'if __name__ == "__main__":\n    import torch\n\n    Net()(torch.randn(2, 3, 9, 9))'
    text = model(init, "self.fc(self.conv(x))", run=run)
    path = write(tmp_path, text.replace("import torch\n", "", 1))
    assert fix(lint, path).added == ["return self.fc(self.conv(x).flatten(1))"]


@pytest.mark.parametrize(
    ("features", "hint"),
    [
        (
            64,
            "pool the map to 1x1 and flatten it: nn.AdaptiveAvgPool2d(1) and torch.flatten(x, 1), "
            "or flatten it: torch.flatten(x, 1) and in_features=65536 on fc",
        ),
        (100, "flatten it: torch.flatten(x, 1) and in_features=65536 on fc"),
    ],
)
def test_a_width_is_never_taken_for_features(features: int, hint: str, lint: Lint, tmp_path: Path) -> None:
    init = f"self.conv = nn.Conv2d(3, 64, 3, padding=1)\nself.fc = nn.Linear({features}, 10)"
    path = write(tmp_path, model(init, "self.fc(self.conv(x))"))
    [finding] = findings(lint, path)
    assert (finding["fix"]["title"], finding["fix"]["verified"]) == (hint, False)


def test_features_behind_a_permute_are_the_layers_number(lint: Lint, tmp_path: Path) -> None:
    init = "self.conv = nn.Conv2d(3, 64, 3, padding=1)\nself.fc = nn.Linear(100, 10)"
    path = write(tmp_path, model(init, "self.fc(self.conv(x).permute(0, 2, 3, 1))"))
    assert fix(lint, path).added == ["self.fc = nn.Linear(64, 10)"]


CONTAINER = """class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x) + x


"""


def test_a_container_is_not_changed_for_one_of_its_uses(lint: Lint, tmp_path: Path) -> None:
    init = "self.body = nn.Sequential(Residual(nn.Conv2d(3, 3, 3, padding=1)), Residual(nn.Conv2d(3, 8, 1)))"
    path = write(tmp_path, model(init, "self.body(x)", CONTAINER))
    [finding] = findings(lint, path)
    title = "pass Residual a module that keeps the shape of its input: self.fn gives (2, 8, 32, 32) for (2, 3, 32, 32)"
    assert (finding["fix"]["title"], finding["fix"]["verified"]) == (title, False)


LAZY = "self.conv = nn.LazyConv2d(64, 3, padding=1)"


def test_lazy_layers_get_no_number(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, model(LAZY, "self.conv(x) + x"))
    [finding] = findings(lint, path)
    assert (finding["rule"], finding["fix"]["verified"]) == ("RL101", False)


def test_lazy_layers_take_the_width_that_fits(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, model(LAZY, "self.conv(x) + x", run=""))
    assert findings(lint, path) == []


def test_lazy_normalizations_are_fed_as_well(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, model(f"{LAZY}\nself.norm = nn.LazyBatchNorm2d()", "self.norm(self.conv(x)) + x", run=""))
    assert findings(lint, path) == []


UNET = "self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)\nself.up = nn.ConvTranspose2d(8, 3, 2, stride=2)"


def test_an_upsampled_map_that_is_too_large_is_resized(lint: Lint, tmp_path: Path) -> None:
    """`output_padding` would make it larger still."""
    path = write(tmp_path, model(UNET, "self.up(self.down(x)) + x", run="Net()(torch.randn(2, 3, 33, 33))"))
    added = "return F.interpolate(self.up(self.down(x)), size=x.shape[-2:]) + x"
    assert fix(lint, path).added == [added]


@pytest.mark.parametrize("join", ["self.up(self.down(x)) + x", "torch.cat([self.up(self.down(x)), x], 1)"])
def test_sizes_that_nobody_feeds_rewrite_nothing(join: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, model(UNET, join, run=""))
    [finding] = findings(lint, path)
    assert finding["severity"] in ("warning", "info")
    assert finding["fix"] is None or not finding["fix"]["verified"]


PARTS = "self.a = nn.Conv2d(3, 8, {})\nself.b = nn.Conv2d(3, 8, 3, padding=1)"


@pytest.mark.parametrize(
    ("init", "forward", "added"),
    [
        (
            PARTS.format("1, padding=1"),
            "torch.cat([self.a(x), self.b(x)], 1)",
            ["self.a = nn.Conv2d(3, 8, 1, padding=0)"],
        ),
        (
            "self.a = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 5))\nself.b = nn.Conv2d(3, 8, 1)",
            "torch.cat([self.a(x), self.b(x)], 1)",
            ["self.a = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 5, padding=2))"],
        ),
        (
            "self.a = nn.Conv2d(3, 3, 3, padding=2)",
            "self.a(x) + x",
            ["self.a = nn.Conv2d(3, 3, 3, padding=1)"],
        ),
    ],
    ids=["too much before a cat", "too little in two layers", "too much before an addition"],
)
def test_padding_is_corrected_and_nothing_resized(
    init: str, forward: str, added: list[str], lint: Lint, tmp_path: Path
) -> None:
    path = write(tmp_path, model(init, forward))
    assert fix(lint, path).added == added


def test_a_projection_is_of_the_class_that_a_setting_chooses(lint: Lint, tmp_path: Path) -> None:
    text = f"""{HEAD}CONV = {{2: nn.Conv2d, 3: nn.Conv3d}}


class Block(nn.Module):
    def __init__(self, cin, cout, dims=2):
        super().__init__()
        self.conv = CONV[dims](cin, cout, 3, padding=1)

    def forward(self, x):
        return self.conv(x) + x


Block(4, 8)(torch.randn(2, 4, 8, 8))
"""
    assert "self.shortcut = CONV[dims](cin, cout, kernel_size=1, bias=False)" in fix(lint, write(tmp_path, text)).added


def test_the_title_has_the_words_of_the_edit(lint: Lint, tmp_path: Path) -> None:
    text = f"""{HEAD}class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.downsample = nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        return self.conv(x) + self.downsample(x)


Block(4, 8, 2)(torch.randn(2, 4, 8, 8))
"""
    [finding] = findings(lint, write(tmp_path, text))
    assert finding["fix"]["title"] == "fix the existing shortcut: stride=stride on downsample"


def test_a_layer_behind_a_failing_join_is_not_changed(tmp_path: Path, lint: Lint) -> None:
    """The decoder concatenates the wrong map, whose channels the layer behind it would get."""
    model = tmp_path / "model.py"
    source = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.out = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        first = self.down1(x)
        second = self.down2(first)
        return self.out(torch.cat([self.up(second), second], 1))

Net()(torch.zeros(1, 3, 32, 32))
"""
    model.write_text(source)
    lint(model, "--fix", "--unsafe-fixes")
    assert model.read_text() == source


def test_a_resize_that_hides_a_lost_padding_is_not_applied(lint: Lint, tmp_path: Path) -> None:
    init = "self.down = nn.Conv2d(8, 8, 3, stride=2)\nself.up = nn.Upsample(scale_factor=2)"
    path = write(tmp_path, model(init, "x + self.up(self.down(x))", run="Net()(torch.randn(2, 8, 9, 9))"))
    before = path.read_text()
    assert "needs --unsafe-fixes" in lint(path, "--fix").stdout
    assert path.read_text() == before


GATED = """class Cell(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.x, self.h = nn.Linear(width, hidden), nn.Linear(hidden, hidden)

    def forward(self, x, state):
        gate = torch.sigmoid(self.x(x) + self.h(state))
        return gate * state


Cell(8, 16)(torch.randn(5, 8), torch.zeros(5, STATE))
"""


def test_a_layer_that_takes_a_wrong_input_is_no_safe_fix(lint: Lint, tmp_path: Path) -> None:
    """The state has the wrong width: with a layer for it, the product behind the layer still fails."""
    path = tmp_path / "net.py"
    path.write_text(HEAD + GATED.replace("STATE", "8"))
    lint(path, "--fix")
    assert path.read_text() == HEAD + GATED.replace("STATE", "8")
