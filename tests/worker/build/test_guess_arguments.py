"""Constructor arguments guessed from names, annotations and defaults."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.worker.build.guess_arguments import Invented, invented, parameters_of, repaired
from resnet_lint.worker.build.guess_value import WIDTH
from resnet_lint.worker.load.load import Loaded

SOURCE = "def use(opt):\n    return opt.width, opt.use_bias, opt.get(0)\n"
HERE = Loaded(__file__, sys.modules[__name__], ast.parse(SOURCE), Project("/"))


@dataclass
class Config:
    width: int = 8


@dataclass
class Plan:
    depth: int
    config: Config


class Kind(Enum):
    PLAIN = 1
    OTHER = 2


class ResidualBlock(nn.Module):
    def forward(self, x: Any) -> Any:
        return x


def tries(make: Callable[..., Any]) -> list[Invented]:
    """What would be tried for a class whose constructor has this signature."""
    return invented(type("Net", (nn.Module,), {"__init__": make}), HERE)


def first(make: Callable[..., Any]) -> dict[str, Any]:
    """The values of the plainest try."""
    return {name: eval(source, HERE.namespace) for name, source in tries(make)[0].kwargs.items()}


def sources(make: Callable[..., Any]) -> list[dict[str, str]]:
    return [dict(traced.kwargs) for traced in tries(make)]


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


def test_a_plain_annotation_outweighs_a_name() -> None:
    def init(
        self: Any, layers: int, norm: tuple[str, int] | str, act: str, expand: bool, depths: list[int]
    ) -> None: ...

    def united(self: Any, layers: int | str, norm: str | tuple, dims: float, pooling: [int]) -> None: ...  # type: ignore

    assert first(init) == {"layers": 64, "norm": nn.BatchNorm2d, "act": "relu", "expand": True, "depths": [2, 2, 2, 2]}
    assert first(united) == {"layers": 64, "norm": "batch", "dims": 0.5, "pooling": ...}


@pytest.mark.parametrize("name", ["spatial_dims", "num_dims", "ndim", "n_dims", "dimensions"])
def test_a_number_of_axes_is_no_width(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def init(self, {name}, in_dim): ...", namespace)
    [only] = tries(namespace["init"])
    assert (only.kwargs, only.sure) == ({name: "2", "in_dim": str(WIDTH)}, False)


def test_a_literal_default_elsewhere_in_the_file_is_taken() -> None:
    text = """
    def build(mode="fast", levels=(True, False), gate=None, act=nn.ReLU): ...
    class Net:
        def __init__(self, x, *, gate="soft", order): ...
    """
    here = replace(HERE, tree=ast.parse(dedent(text)))

    def init(self: Any, mode: str, levels: Any, gate: Any, order: Any, in_channels: Any) -> None: ...

    [only] = invented(type("Net", (nn.Module,), {"__init__": init}), here)
    wanted = {"mode": "'fast'", "levels": "(True, False)", "gate": "'soft'", "order": "...", "in_channels": "64"}
    assert only.kwargs == wanted


def test_a_default_elsewhere_of_another_type_is_not_taken() -> None:
    here = replace(HERE, tree=ast.parse("def build(mode=(1, 2)): ..."))

    def init(self: Any, mode: str) -> None: ...

    assert invented(type("Net", (nn.Module,), {"__init__": init}), here)[0].kwargs == {"mode": '"relu"'}


def test_a_wrapped_loss_gets_one() -> None:
    assert isinstance(first(lambda self, loss_fcn: None)["loss_fcn"], nn.MSELoss)
    assert first(lambda self, has_loss, device: None) == {"has_loss": True, "device": "cpu"}


def test_what_has_a_default_is_left_alone() -> None:
    assert first(lambda self, channels, kernel_size=3, **options: None) == {"channels": WIDTH}


def test_a_constructor_without_parameters_is_tried_once() -> None:
    assert tries(lambda self: None) == [Invented({})]


def test_channels_and_stride_are_varied_one_at_a_time() -> None:
    found = tries(lambda self, in_channels, out_channels, stride=1: None)
    assert [({name: int(value) for name, value in match.kwargs.items()}, match.varied) for match in found] == [
        ({"in_channels": WIDTH, "out_channels": WIDTH}, None),
        ({"in_channels": WIDTH, "out_channels": 2 * WIDTH}, "in_channels differs from out_channels"),
        ({"in_channels": WIDTH, "out_channels": WIDTH, "stride": 2}, "stride is 2"),
    ]


def test_a_bottlenecks_identity_fits_at_first() -> None:
    def init(self: Any, inplanes: int, planes: int) -> None: ...

    bottleneck = type("Bottleneck", (nn.Module,), {"__init__": init, "expansion": 4})
    assert dict(invented(bottleneck, HERE)[0].kwargs) == {"inplanes": str(4 * WIDTH), "planes": str(WIDTH)}


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


@pytest.mark.parametrize(
    ("annotation", "source"),
    [
        ("tuple[int, int]", "(64, 64)"),
        ("Tuple[int, int, int]", "(64, 64, 64)"),
        ("List[int]", "[64, 64]"),
        ("Sequence[int]", "(64, 64)"),
        ("Optional[int]", "64"),
        ("int | None", "64"),
        ("Literal['pre', 'post']", "'pre'"),
        ("Kind", "Kind.PLAIN"),
        ("Plan", "Plan(depth=2, config=Config())"),
        ("nn.Module", "nn.Identity()"),
        ("Callable[..., nn.Module]", "nn.Identity"),
        ("type[nn.Module]", "nn.Identity"),
        ("nn.ModuleList", "nn.ModuleList([nn.Identity()])"),
        ("OnlyForTypeCheckers", "..."),
    ],
)
def test_forms_of_annotations(annotation: str, source: str) -> None:
    def init(self: Any, a: Any) -> None: ...

    init.__annotations__ = {"a": annotation}
    assert sources(init) == [{"a": source}]
    eval(source, HERE.namespace)


def test_an_object_with_what_the_file_reads_of_it() -> None:
    without_config = replace(HERE, module=ModuleType("without_config"))
    [only] = invented(type("Net", (nn.Module,), {"__init__": lambda self, opt: None}), without_config)
    assert only.kwargs == {"opt": "SimpleNamespace(width=64, use_bias=True)"}


def test_a_part_to_build_on() -> None:
    assert sources(lambda self, backbone: None) == [{"backbone": "nn.Identity()"}]


def test_a_name_that_says_nothing_means_what_it_is_passed_on_as() -> None:
    class Block(nn.Module):
        def __init__(self, a: Any, b: Any, s: int = 1) -> None:
            super().__init__()
            self.conv = nn.Conv2d(a, b, 3, s)

    found = parameters_of(Block)
    assert (found.inputs, found.outputs, found.stride) == ("a", "b", "s")
    assert invented(Block, HERE)[0].kwargs == {"a": str(WIDTH), "b": str(WIDTH)}


def test_what_cannot_be_guessed_is_left_open() -> None:
    [only] = tries(lambda self, plan: None)
    assert (only.kwargs, only.unknown, only.call("Net")) == ({"plan": "..."}, ("plan",), "Net(plan=...)")


@pytest.mark.parametrize(
    ("body", "before", "after"),
    [
        ("self.n = size[0] * size[1]", {"size": "32"}, {"size": "(32, 32)"}),
        ("self.n = len(widths)", {"depth": "2", "widths": "64"}, {"depth": "2", "widths": "(64, 64)"}),
        ("a, b, c = size", {"size": "(8, 8)"}, {"size": "(8, 8, 8)"}),
        ("self.n = [widths[i] for i in range(4)]", {"widths": "(8, 8)"}, {"widths": "(8, 8, 8, 8)"}),
        ("self.layer = make(8, 8)", {"make": "64"}, {"make": "nn.Identity()"}),
        ("self.norm = nn.GroupNorm(32, dim)", {"dim": "48"}, {"dim": "192"}),
        ("self.n = other[0]", {"size": "32", "other": '"relu"'}, None),
        ("raise ValueError(size)", {"size": "32"}, None),
    ],
)
def test_better_arguments_by_what_a_constructor_says(
    body: str, before: dict[str, str], after: dict[str, str] | None, tmp_path: Path
) -> None:
    path = tmp_path / "repaired.py"
    head = f"from torch import nn\nclass Net(nn.Module):\n    def __init__(self, {', '.join(before)}):\n"
    path.write_text(f"{head}        super().__init__()\n        {body}\n")
    namespace = {"nn": nn}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    make: Any = namespace["Net"]
    try:
        make(**{name: eval(value) for name, value in before.items()})
    except Exception as error:
        better = repaired(Invented(before), error)
        assert (dict(better.kwargs) if better is not None else None) == after
    else:
        assert after is None


@pytest.mark.parametrize("name", ["downsample", "shortcut", "proj", "skip_layer"])
def test_a_shortcut_that_the_caller_gives(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def init(self, planes, {name}=None): ...", namespace)
    assert parameters_of(type("Net", (nn.Module,), {"__init__": namespace["init"]})).shortcut_from_caller


def test_the_call_as_source() -> None:
    call = Invented({"in_channels": "64", "norm": "nn.BatchNorm2d"}).call("Net")
    assert call == "Net(in_channels=64, norm=nn.BatchNorm2d)"
