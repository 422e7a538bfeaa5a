"""Inputs that are solved for instead of guessed, and failures that guessed inputs must not be blamed for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Lint

from resnet_lint.worker.feed.mismatches import mismatch_in

HEAD = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
"""


def check(lint: Lint, folder: Path, layers: str, signature: str, body: str) -> tuple[str, list[dict[str, Any]]]:
    """The status of a class with these layers and this forward, and its errors."""
    path = folder / "net.py"
    path.write_text(f"{HEAD}        {layers}\n\n    def forward(self, {signature}):\n        {body}\n")
    report = json.loads(lint(path, "--format", "json").stdout)
    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    return report["modules"][0]["status"], errors


@pytest.mark.parametrize(
    ("layers", "signature", "body"),
    [
        # a forecast along time: the length has to be 24
        ("self.a, self.fc = nn.Linear(7, 5), nn.Linear(24, 12)", "x", "return self.fc(self.a(x).transpose(1, 2))"),
        # two inputs side by side have 17 and 8 features
        (
            "self.a, self.fc = nn.Linear(17, 9), nn.Linear(25, 4)",
            "x, y",
            "self.a(x)\n        return self.fc(torch.cat([x, y], -1))",
        ),
        # an embedding for each patch of 16 of an image of 384 x 384, and one for the class
        (
            "self.p, self.e = nn.Conv2d(3, 8, 16, 16), nn.Parameter(torch.zeros(1, 577, 8))",
            "x",
            "x = self.p(x).flatten(2).transpose(1, 2)\n        return torch.cat((x[:, :1], x), 1) + self.e",
        ),
        # frames of one channel, which a state of 8 channels joins
        (
            "self.cell = nn.Conv2d(9, 8, 3, padding=1)",
            "x",
            "b, t, _, h, w = x.shape\n        state = x.new_zeros(b, 8, h, w)\n"
            "        for i in range(t):\n            state = self.cell(torch.cat([x[:, i], state], 1))\n"
            "        return state",
        ),
        # images with a fourth channel, which joins those of the layers
        (
            "self.a, self.b = nn.Conv2d(3, 16, 1), nn.Conv2d(17, 8, 1)",
            "x",
            "y = self.a(x[:, :3])\n        return self.b(torch.cat([y, x[:, 3:]], 1))",
        ),
        # maps with their channels last
        ("self.fc = nn.Linear(6, 6)", "x", "b, h, w, c = x.size()\n        return self.fc(x).view(b, h * w, c)"),
        # pairs of 12 tokens, which only an assertion says
        ("self.n = 12", "x", "assert x.dim() == 3 and x.shape[1] == self.n\n        return x + 1"),
        # an index and a size in place of maps
        ("self.e = nn.Linear(6, 6)", "x, steps", "return [self.e(x) for _ in range(steps)][0]"),
        # what has a default and is needed all the same
        (
            "self.e = nn.Linear(6, 6)",
            "x, y=None",
            "if y is None:\n            raise ValueError('no y was provided')\n        return self.e(y)",
        ),
        # a U-Net without padding, whose sizes have a remainder of 4 when divided by 8
        (
            "self.a, self.b = nn.Conv2d(3, 4, 5), nn.Conv2d(4, 4, 5)\n"
            "        self.c, self.u, self.d = nn.Conv2d(4, 4, 5), nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 5)",
            "x",
            "first = self.a(x)\n        second = self.b(nn.functional.max_pool2d(first, 2))\n"
            "        x = self.u(self.c(nn.functional.max_pool2d(second, 2)))\n"
            "        side = second.shape[2] - x.shape[2]\n        second = second[:, :, side // 2 : -side // 2]\n"
            "        x = torch.cat([second[..., side // 2 : -side // 2], x], 1)\n"
            "        x, first = self.u(self.d(x)), first\n        side = first.shape[2] - x.shape[2]\n"
            "        first = first[:, :, side // 2 : -side // 2, side // 2 : -side // 2]\n"
            "        return torch.cat([first, x], 1)",
        ),
        # a record of tensors
        ("self.e = nn.Linear(6, 6)", "data", "s, d = data.edge_index\n        return self.e(data.x)"),
    ],
)
def test_what_a_model_takes_is_solved_for(lint: Lint, tmp_path: Path, layers: str, signature: str, body: str) -> None:
    assert check(lint, tmp_path, layers, signature, body) == ("checked", [])


@pytest.mark.parametrize(
    ("layers", "body"),
    [
        ("self.a, self.b = nn.Linear(7, 5), nn.Linear(6, 3)", "return self.b(self.a(x))"),
        ("self.a = nn.Conv2d(3, 3, 3, stride=2, padding=1)", "return x + self.a(x)"),
        (
            "self.a, self.b = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 2)",
            "h = self.a(x)\n        return torch.cat([h, nn.functional.interpolate(self.b(h), scale_factor=2)], 1)",
        ),
        ("self.a = nn.Conv2d(3, 8, 1)\n        self.w = nn.Parameter(torch.ones(5))", "return self.a(x) * self.w"),
        # as one id per sample, x.shape[0] = 24 would fit the classifier
        (
            "self.e, self.fc = nn.Embedding(9, 8), nn.Linear(24, 4)",
            "return self.fc(self.e(x)[:, 0])",
        ),
    ],
)
def test_no_coincidence_of_sizes_excuses_a_fault(lint: Lint, tmp_path: Path, layers: str, body: str) -> None:
    _, errors = check(lint, tmp_path, layers, "x", body)
    assert len(errors) == 1


def test_a_tensor_in_the_file_is_not_unpacked_into_the_levels_of_a_pyramid(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        f"{HEAD}        self.up = nn.Upsample(scale_factor=2)\n"
        "        self.a, self.b = nn.Conv2d(64, 8, 1), nn.Conv2d(64, 8, 1)\n"
        "    def forward(self, inputs):\n        fine, coarse = inputs\n"
        "        return self.a(fine) + self.up(self.b(coarse))\n\nCASES = lambda: torch.rand([2, 64, 32, 32])\n"
    )
    report = json.loads(lint(tmp_path / "net.py", "--format", "json").stdout)
    assert [finding for finding in report["findings"] if finding["severity"] == "error"] == []


def test_a_search_in_vain_says_what_it_tried(lint: Lint, tmp_path: Path) -> None:
    layers, body = "self.fc = nn.Linear(16, 4)", "        assert x.sum() > 3\n        return self.fc(x)\n"
    (tmp_path / "net.py").write_text(f"{HEAD}        {layers}\n\n    def forward(self, x):\n{body}")
    said = [line for line in lint(tmp_path, "--verbose").stdout.splitlines() if "inputs fits" in line]
    assert len(said) == 1
    assert "Net(): none of " in said[0]
    assert "such as x=2x16, " in said[0]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("mat1 and mat2 shapes cannot be multiplied (2x3136 and 400x120)", (3136, 400)),
        ("expected input[2, 24, 8, 8] to have 17 channels, but got 24 channels instead", (24, 17)),
        ("Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [3, 4].", (3, 2)),
        ("shape '[2, 8, 2]' is invalid for input of size 48", (48, 32)),
        ("Shape mismatch, can't divide axis of length 7 in chunks of 4", (7, 8)),
        ("expected 4D input (got 2D input)", None),
    ],
)
def test_an_error_names_two_numbers(text: str, numbers: tuple[int, int] | None) -> None:
    found = mismatch_in(text)
    assert (None if found is None else (found.got, found.wanted)) == numbers


BLURRED = """
import torch
import torch.nn.functional as F
from torch import nn


class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("blur", torch.ones(1, 1, 3, 3) / 9)
        self.conv, self.out = nn.Conv2d(48, 8, 3), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        x = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 3, 5, 1, 2, 4).reshape(n, 16 * c, h // 4, w // 4)
        x = F.conv2d(x, self.blur.expand(16 * c, -1, -1, -1), groups=16 * c)
        return self.out(self.conv(x))
"""


def test_channels_that_only_a_blur_passes_on_are_those_of_the_input(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "stem.py").write_text(BLURRED)
    result = lint(tmp_path, "--jobs", 1, "--verbose")
    assert "Stem checked: Stem(), fed x=2x3x" in result.output and "0 errors, 0 warnings" in result.output
