"""Guessed inputs: what a model is fed if the file does not specify its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.places import Shape
from resnet_lint.worker.build.build import build
from resnet_lint.worker.feed.feed import feed
from resnet_lint.worker.feed.guess_inputs import required_inputs

PROJECT = Project(f"{__file__.rpartition('/')[0]}/")


class Net(nn.Module):
    """A model with these layers, whose forward is given."""

    def __init__(self, forward: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.forward = forward.__get__(self)


def fed(make: Callable[[], nn.Module], *known: Shape) -> Trace:
    """The trace of a model that gets invented inputs, which must come to its end without a fault that counts."""
    trace, faults = feed(build(make), PROJECT, known)
    assert trace.complete
    assert faults == ()
    return trace


def inputs_of(trace: Trace) -> dict[str, Shape]:
    return {node.name: node.known_shape for node in trace.nodes if node.kind == "input"}


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Conv1d(5, 8, 3), (2, 5, 224)),
        (lambda: nn.Conv2d(5, 8, 3), (2, 5, 224, 256)),
        (lambda: nn.Conv3d(5, 8, 3), (2, 5, 16, 224, 256)),
        (lambda: nn.ConvTranspose2d(5, 8, 3), (2, 5, 224, 256)),
        (lambda: nn.Linear(5, 8), (2, 5)),
        (lambda: nn.BatchNorm2d(5), (2, 5, 224, 256)),
        (lambda: nn.Sequential(nn.ReLU(), nn.Conv2d(5, 8, 3)), (2, 5, 224, 256)),
        (lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 8)), (2, 5, 224, 256)),
    ],
)
def test_the_first_layer_says_what_it_takes(make: Callable[[], nn.Module], shape: Shape) -> None:
    assert list(inputs_of(fed(make)).values()) == [shape]


def test_other_layers_are_fed_too() -> None:
    for make in (
        lambda: nn.LSTM(5, 8, batch_first=True),
        lambda: nn.GRUCell(5, 8),
        lambda: nn.LayerNorm(5),
        lambda: nn.GroupNorm(2, 6),
        lambda: nn.ReLU(),
        lambda: nn.TransformerEncoderLayer(16, 4),
    ):
        fed(make)


def test_indices_are_whole_numbers() -> None:
    trace = fed(lambda: Net(lambda self, tokens: self.layers[0](tokens), nn.Embedding(10, 4)))
    assert inputs_of(trace) == {"tokens": (2, 16)}
    assert trace.output.shape == (2, 16, 4)


def test_an_input_is_as_long_as_the_parameter_that_it_meets() -> None:
    def scaled(self: Any, x: torch.Tensor) -> Any:
        return x * torch.rsqrt(x.var(-1, keepdim=True)) * self.layers[0].weight

    assert inputs_of(fed(lambda: Net(scaled, nn.LayerNorm(48))))["x"][-1] == 48
    assert inputs_of(fed(lambda: Net(scaled, nn.Conv2d(3, 48, 1, bias=False))))["x"][1] == 3


def test_a_parameter_behind_a_layer_is_no_reason_to_change_the_input() -> None:
    def scaled(self: Any, x: torch.Tensor) -> Any:
        return self.layers[0](x) * self.layers[1].weight.flatten()

    net = build(lambda: Net(scaled, nn.Conv2d(3, 8, 1), nn.Conv2d(1, 5, 1)))
    _, [fault] = feed(net, PROJECT, [])
    assert "must match" in fault.error


def test_no_input_grows_without_end() -> None:
    def forward(self: Net, x: torch.Tensor) -> Any:
        return self.layers[0](F.adaptive_avg_pool2d(x, 1).flatten(1))

    [shape] = inputs_of(fed(lambda: Net(forward, nn.Linear(64, 10)))).values()
    assert math.prod(shape) <= 1 << 40


def test_an_input_that_is_not_for_the_first_layer() -> None:
    def forward(self: Net, x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return self.layers[0](x).mean((2, 3)) + self.layers[1](features)  # type: ignore[no-any-return]

    trace = fed(lambda: Net(forward, nn.Conv2d(3, 8, 1), nn.Linear(7, 8)))
    assert inputs_of(trace)["x"] == (2, 3, 224, 256)
    assert inputs_of(trace)["features"][-1] == 7


class Named(nn.Module):
    """Takes 5 channels, which its first layer does not say; the input has the name that Python's own function has."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(9, 9)
        self.conv = nn.Conv2d(5, 8, 1)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return self.conv(input)  # type: ignore[no-any-return]


def test_an_input_that_is_named_like_a_function_of_python() -> None:
    assert list(inputs_of(fed(Named)).values()) == [(2, 5, 224, 256)]


@pytest.mark.parametrize("change", [lambda x: F.avg_pool2d(x, 2), lambda x: F.pad(x, (1, 1)), lambda x: x[:, :, 1:]])
def test_the_channels_of_an_input_are_invented_also_after_a_pooling(change: Callable[..., Any]) -> None:
    def forward(self: Net, x: torch.Tensor) -> torch.Tensor:
        _, _, _, _ = x.shape
        return self.layers[1](change(x))  # type: ignore[no-any-return]

    fed(lambda: Net(forward, nn.LayerNorm(9), nn.Conv2d(5, 8, 1)))


def test_a_model_that_says_how_many_dimensions_it_takes() -> None:
    def forward(self: Net, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        return self.layers[0](x).view(batch, length, 2, 4)  # type: ignore[no-any-return]

    assert inputs_of(fed(lambda: Net(forward, nn.Linear(6, 8)))) == {"x": (2, 16, 6)}


@pytest.mark.parametrize("size", [28, 32, 64, 224])
def test_a_model_for_one_size_only(size: int) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * size * size, 10))

    assert list(inputs_of(fed(make)).values()) == [(2, 1, size, size)]


def test_shapes_that_the_file_mentions_come_first() -> None:
    assert list(inputs_of(fed(lambda: nn.Conv2d(3, 8, 3), (4, 3, 17, 19))).values()) == [(4, 3, 17, 19)]


def test_arguments_with_defaults_are_left_alone() -> None:
    def forward(self: Net, x: torch.Tensor, *, scale: float = 2.0, **more: object) -> torch.Tensor:
        return self.layers[0](x) * scale  # type: ignore[no-any-return]

    model = Net(forward, nn.Linear(3, 3))
    assert [parameter.name for parameter in required_inputs(model)] == ["x"]
    fed(lambda: model)


def test_a_fault_at_every_size_is_one() -> None:
    trace, faults = feed(build(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(9, 8, 3))), PROJECT, ())
    assert trace.complete
    assert len(trace.faults) == 1
    assert [fault.kind for fault in faults] == ["layer"]


def test_an_addition_that_fails_whatever_the_input_is_a_fault() -> None:
    def forward(self: Net, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers[0](x)  # type: ignore[no-any-return]

    _, faults = feed(build(lambda: Net(forward, nn.Conv2d(3, 8, 1))), PROJECT, ())
    assert [fault.kind for fault in faults] == ["addition"]


def test_an_addition_that_fails_for_all_sequences_is_a_fault() -> None:
    """No image can be tried with a recurrent layer, but other lengths can."""

    def forward(self: Net, x: torch.Tensor) -> torch.Tensor:
        x = self.layers[0](x)
        return x + self.layers[1](x)[0]  # type: ignore[no-any-return]

    lstm = nn.LSTM(8, 8, bidirectional=True)
    _, faults = feed(build(lambda: Net(forward, nn.Linear(3, 8), lstm)), PROJECT, ())
    assert [fault.kind for fault in faults] == ["addition"]


def test_a_size_that_does_not_divide_is_the_inputs_fault() -> None:
    def forward(self: Net, x: torch.Tensor) -> torch.Tensor:
        return x + F.interpolate(F.max_pool2d(x, 32), scale_factor=32.0)

    _, faults = feed(build(lambda: Net(forward)), PROJECT, [(2, 3, 33, 33)])
    assert faults == ()


@st.composite
def stacks(draw: st.DrawFn) -> nn.Sequential:
    """A correct stack of layers of one rank (or none, for linear layers), with normalization and pooling between."""
    rank = draw(st.integers(0, 3))
    channels = draw(st.integers(1, 9))
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 4))):
        wider = draw(st.integers(1, 9))
        if rank == 0:
            layers += [nn.Linear(channels, wider), draw(st.sampled_from([nn.ReLU(), nn.LayerNorm(wider)]))]
        else:
            conv = getattr(nn, f"{draw(st.sampled_from(['Conv', 'ConvTranspose']))}{rank}d")
            norm = getattr(nn, f"BatchNorm{rank}d")
            layers += [conv(channels, wider, draw(st.integers(1, 3)), draw(st.integers(1, 2)))]
            layers += draw(st.sampled_from([[], [norm(wider)], [nn.ReLU()]]))
        channels = wider
    return nn.Sequential(*layers)


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_correct_stacks_are_traced_without_a_fault(stack: nn.Sequential) -> None:
    fed(lambda: stack)
