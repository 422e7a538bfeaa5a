"""The input contracts of small models, compared with runs at every size."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn
from tracing import net, record

from resnet_lint.shared.records.contracts import Contract
from resnet_lint.shared.records.places import Shape
from resnet_lint.worker.contracts.input_contract import contract_of
from resnet_lint.worker.sizes.size_conditions import size_condition
from resnet_lint.worker.symbolic.symbolic_trace import symbolic_trace

DOWN = "nn.Conv2d(3, 3, 3, stride=2, padding=1)"
POOLED = "nn.Sequential(nn.Conv2d(3, 4, 5), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.MaxPool2d(2))"
UNET = """
down = F.max_pool2d(x, 2)
up = F.interpolate(F.max_pool2d(down, 2), scale_factor=2)
return torch.cat([x, F.interpolate(torch.cat([down, up], 1), scale_factor=2)], 1)
"""
PADDED_UNET = """
up = F.interpolate(F.max_pool2d(x, 2), scale_factor=2)
return torch.cat([x, F.pad(up, [0, x.shape[3] - up.shape[3], 0, x.shape[2] - up.shape[2]])], 1)
"""
FUSED = "down = self.down(x)\nreturn down + F.interpolate(self.down(down), scale_factor=2)"
TO_SIZE = "up = F.interpolate(F.max_pool2d(x, 2), size=x.shape[2:])\nreturn x + up"
ATTENTION = "t = x.flatten(2).transpose(1, 2)\nreturn t @ self.weight"


def contract(folder: Path, source: str, *shapes: Shape) -> tuple[Contract, nn.Module]:
    trace = record(folder, source, *shapes)
    return contract_of(trace, symbolic_trace(trace)), trace.root


def allowed(contract: Contract, shape: Shape) -> bool:
    """Whether a contract on one input allows this shape."""
    sizes = contract.inputs[0].sizes
    if any(size.isdigit() and int(size) != given for size, given in zip(sizes, shape, strict=True)):
        return False
    names = dict(zip(sizes, shape, strict=True)) | {"ceil": math.ceil, "max": max, "min": min}
    return all(eval(condition.text, {}, names) for condition in contract.conditions)


def runs(model: nn.Module, shape: Shape) -> bool:
    try:
        model(torch.zeros(shape))
    except (RuntimeError, AssertionError):
        return False
    return True


@pytest.mark.parametrize(
    ("forward", "layers", "size", "texts"),
    [
        ("return self.down(x)", {"down": DOWN}, (32, 48), []),
        ("return self.pooled(x)", {"pooled": POOLED}, (32, 48), ["H >= 12", "W >= 12"]),
        (UNET, {}, (32, 48), ["H % 4 == 0", "W % 4 == 0"]),
        (PADDED_UNET, {}, (32, 48), ["H >= 2", "W >= 2"]),
        (TO_SIZE, {}, (32, 48), ["H >= 2", "W >= 2"]),
        (FUSED, {"down": DOWN}, (32, 48), ["ceil(H/2) % 2 == 0 or H <= 2", "ceil(W/2) % 2 == 0 or W <= 2"]),
        ("return self.pad(x)", {"pad": "nn.ReflectionPad2d((3, 1, 0, 2))"}, (32, 48), ["H >= 3", "W >= 4"]),
        ("return self.linear(self.down(x))", {"down": DOWN, "linear": "nn.Linear(24, 2)"}, (32, 48), ["47 <= W <= 48"]),
        ("return x + x.transpose(2, 3)", {}, (32, 32), ["H == W or H == 1 or W == 1"]),
        ("return self.norm(x)", {"norm": "nn.InstanceNorm2d(3, track_running_stats=True)"}, (32, 48), []),
        ("assert x.shape[2] % 7 != 3\nreturn x", {}, (32, 48), ["H % 7 != 3"]),
        ("return x.view(x.shape[0], x.shape[1], 6, -1)", {}, (32, 48), ["(H*W) % 6 == 0"]),
    ],
)
def test_a_contract_agrees_with_runs_at_every_size(
    tmp_path: Path, forward: str, layers: dict[str, str], size: Shape, texts: list[str]
) -> None:
    found, model = contract(tmp_path, net(forward, **layers), (2, 3, *size))
    real = type(model)().eval()
    squares = [(side, side) for side in range(1, 60)]
    for height, width in {*squares, *product((1, 2, 3, 8, 31, size[0]), (1, 2, 4, 9, 31, size[1]))}:
        shape = (2, 3, height, width)
        assert allowed(found, shape) == runs(real, shape), f"{found} at {height}x{width}"
    assert [condition.text for condition in found.conditions] == texts
    assert found.doubt is None


def test_the_inputs_have_rank_channels_and_dtype(tmp_path: Path) -> None:
    found, _ = contract(tmp_path, net("return self.down(x)", down=DOWN), (2, 3, 32, 48))
    [only] = found.inputs
    assert (only.name, only.rank, only.sizes, only.dtype) == ("x", 4, ("N", "3", "H", "W"), "float32")


def test_a_condition_comes_with_sizes_on_both_sides_of_it(tmp_path: Path) -> None:
    found, _ = contract(tmp_path, net("return self.pooled(x)", pooled=POOLED), (2, 3, 32, 48))
    assert [(condition.kind, condition.works, condition.fails) for condition in found.conditions] == [
        ("least", (12,), (11,))
    ] * 2


def test_sizes_of_two_inputs_that_have_to_be_equal(tmp_path: Path) -> None:
    source = "class Net(nn.Module):\n    def forward(self, x, y):\n        return torch.cat([x, y], 1)\n"
    found, _ = contract(tmp_path, source, (2, 3, 8, 12), (2, 5, 8, 12))
    assert [match.sizes for match in found.inputs] == [("N", "C", "H", "W"), ("N2", "C2", "H2", "W2")]
    assert {condition.text for condition in found.conditions} == {"H == H2", "N == N2", "W == W2"}
    assert {condition.kind for condition in found.conditions} == {"relation"}


@pytest.mark.parametrize(
    ("accepts", "text"),
    [
        (lambda size: size % 32 == 0, "H % 32 == 0"),
        (lambda size: size % 32 == 0 and size > 32, "H % 32 == 0 and H > 32"),
        (lambda size: -(-size // 4) % 8 == 0 or size <= 4, "ceil(H/4) % 8 == 0 or H <= 4"),
        (lambda size: size % 32 == 0 or size in (21, 45), "H % 32 == 0 or H in (21, 45)"),
        (lambda size: size // 4 % 8 == 0, "H//4 % 8 == 0"),
        (lambda size: size % 2 == 1, "H % 2 == 1"),
        (lambda size: size == 224, "H == 224"),
        (lambda size: 193 <= size <= 224, "193 <= H <= 224"),
        (lambda size: size <= 77, "H <= 77"),
        (lambda size: size != 1, "H >= 2"),
    ],
)
def test_the_condition_of_a_set_of_sizes(accepts: object, text: str) -> None:
    assert callable(accepts)
    condition = size_condition("H", {size: accepts(size) for size in range(1, 513)})
    assert condition is not None
    assert condition[0] == text


def test_no_condition_without_a_size_that_works() -> None:
    assert size_condition("H", {1: False, 2: False}) is None


FOLDED = "x = F.max_pool2d(self.conv(x), 4)\nreturn self.fc(x.view(-1, 64))"


def test_sizes_at_which_samples_share_a_row_are_not_accepted(tmp_path: Path) -> None:
    layers = {"conv": "nn.Conv2d(1, 4, 3, padding=1)", "fc": "nn.Linear(64, 5)"}
    found, _ = contract(tmp_path, net(FOLDED, **layers), (16, 1, 16, 16))
    assert [(condition.text, condition.works, condition.mixes) for condition in found.conditions] == [
        ("16 <= H <= 19", (16,), (15,)),
        ("16 <= W <= 19", (16,), (15,)),
    ]


def test_windows_that_are_moved_to_the_batch_are_accepted(tmp_path: Path) -> None:
    body = "x = F.max_pool2d(self.conv(x), 4)\nreturn self.fc(x.permute(0, 2, 3, 1).reshape(-1, 4))"
    layers = {"conv": "nn.Conv2d(1, 4, 3, padding=1)", "fc": "nn.Linear(4, 5)"}
    found, _ = contract(tmp_path, net(body, **layers), (2, 1, 4, 4))
    assert [condition.text for condition in found.conditions] == ["H >= 4", "W >= 4"]
