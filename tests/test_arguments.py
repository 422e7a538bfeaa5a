"""Constructor arguments that the tool invents, from names, annotations and defaults."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from torch import nn

from resnet_lint.model.arguments import WIDTH, Invented, invented, parameters_of

HERE = sys.modules[__name__]


@dataclass
class Config:
    width: int = 8


class ResidualBlock(nn.Module):
    def forward(self, x: Any) -> Any:
        return x


def tries(make: Callable[..., Any], module: ModuleType = HERE) -> list[Invented]:
    """What would be tried for a class whose constructor has this signature."""
    return invented(type("Net", (nn.Module,), {"__init__": make}), module)


def first(make: Callable[..., Any]) -> dict[str, Any]:
    return dict(tries(make)[0].kwargs)


@pytest.mark.parametrize("name", ["in_channels", "inplanes", "in_ch", "c_in", "cin", "input_dim", "dim_in"])
def test_names_of_input_channels(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def init(self, {name}, out_channels): ...", namespace)
    found = parameters_of(type("Net", (nn.Module,), {"__init__": namespace["init"]}))
    assert (found.inputs, found.outputs) == (name, "out_channels")


@pytest.mark.parametrize("name", ["out_channels", "planes", "out_ch", "c_out", "cout", "dim_out", "filters"])
def test_names_of_output_channels(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def init(self, in_channels, {name}): ...", namespace)
    found = parameters_of(type("Net", (nn.Module,), {"__init__": namespace["init"]}))
    assert (found.inputs, found.outputs) == ("in_channels", name)


def test_what_has_a_default_is_left_alone() -> None:
    assert first(lambda self, channels, kernel_size=3, **options: None) == {"channels": WIDTH}


def test_a_constructor_without_parameters_is_tried_once() -> None:
    assert tries(lambda self: None) == [Invented({})]


def test_channels_and_stride_are_varied_one_at_a_time() -> None:
    found = tries(lambda self, in_channels, out_channels, stride=1: None)
    assert [(dict(each.kwargs), each.varied) for each in found] == [
        ({"in_channels": WIDTH, "out_channels": WIDTH}, None),
        ({"in_channels": WIDTH, "out_channels": 2 * WIDTH}, "in_channels differs from out_channels"),
        ({"in_channels": WIDTH, "out_channels": WIDTH, "stride": 2}, "stride is 2"),
    ]


def test_a_bottlenecks_identity_fits_at_first() -> None:
    def init(self: Any, inplanes: int, planes: int) -> None: ...

    bottleneck = type("Bottleneck", (nn.Module,), {"__init__": init, "expansion": 4})
    assert dict(invented(bottleneck, HERE)[0].kwargs) == {"inplanes": 4 * WIDTH, "planes": WIDTH}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_classes", 10),
        ("kernel_size", 3),
        ("stride", 1),
        ("num_heads", 4),
        ("dropout", 0.0),
        ("num_layers", 2),
        ("layers", (2, 2, 2, 2)),
        ("image_size", 32),
        ("use_bias", True),
        ("norm_layer", nn.BatchNorm2d),
        ("embed_dim", WIDTH),
        ("block", ResidualBlock),
    ],
)
def test_values_by_name(name: str, value: object) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def init(self, {name}): ...", namespace)
    assert first(namespace["init"]) == {name: value}


def test_values_by_annotation() -> None:
    def init(self: Any, a: int, b: float, c: bool, d: str) -> None: ...

    init.__annotations__ = {"a": int, "b": "float", "c": bool, "d": "str"}
    assert first(init) == {"a": WIDTH, "b": 0.5, "c": True, "d": "relu"}


def test_a_configuration_class_of_the_file() -> None:
    def init(self: Any, cfg: Any) -> None: ...

    init.__annotations__ = {"cfg": Config}
    assert first(init) == {"cfg": Config()}


def test_what_cannot_be_guessed_is_not_guessed() -> None:
    assert tries(lambda self, plan: None) == []


@pytest.mark.parametrize("name", ["downsample", "shortcut", "proj", "skip_layer"])
def test_a_shortcut_that_the_caller_gives(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def init(self, planes, {name}=None): ...", namespace)
    assert parameters_of(type("Net", (nn.Module,), {"__init__": namespace["init"]})).shortcut_from_caller


def test_the_call_as_source() -> None:
    assert Invented({"in_channels": 64, "norm": nn.BatchNorm2d}).text("Net") == "Net(in_channels=64, norm=BatchNorm2d)"
