"""The contract of a block's constructor, found symbolically, agrees with blocks constructed from numbers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from conftest import Lint
from residual_blocks import BLOCKS
from torch import nn
from tracing import HEAD, write_model

from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.worker.build.build import build
from resnet_lint.worker.contracts.constructor_contract import constructor_contract
from resnet_lint.worker.contracts.shortest_condition import shortest_condition
from resnet_lint.worker.feed.feed import feed

# What symbols cannot follow is judged by blocks built from numbers: here, the kernel of a pooling.
NO_SYMBOLS = ("wide, shortcut pools",)

CONDITIONS = {
    "plain": "cin == cout and stride == 1",
    "basic, projection": "True",
    "basic, stride only": "cin == cout or stride != 1",
    "bottleneck": "stride == 1 and inplanes == 4*planes",
    "inverted residual": "True",
    "inverted, generous": "inp == oup or stride != 1",
    "squeeze-excitation": "stride == 1 or in_channels != out_channels",
    "pre-activation": "True",
    "grouped": "stride == 1",
    "ResNeXt": "stride == 1 or in_channels != out_channels",
    "ConvNeXt": "True",
    "signal (1-d)": "kernel_size % 2 == 1",
    "transformer": "True",
    "linear": "in_features == out_features",
    "Res2Net": "stride == 1",
    "norm groups": "True",
    "factor of a width": "factor == 1",
}


class Blocks:
    """The blocks that one class builds, from numbers or symbols."""

    def __init__(self, folder: Path, source: str, names: list[str]) -> None:
        path, code = write_model(folder, source)
        self.namespace: dict[str, Any] = {"__name__": path.stem}
        exec(code, self.namespace)
        self.call = f"Block({', '.join(f'{name}={name}' for name in names)})"
        self.project = Project(f"{folder}/")

    def make(self, point: Mapping[str, Any]) -> nn.Module:
        made: nn.Module = eval(self.call, {**self.namespace, **point})
        return made

    def fed(self, module: nn.Module) -> Trace:
        return feed(module, self.project, [])[0]

    def works(self, point: Mapping[str, Any]) -> bool | None:
        """Whether the additions of a block work; None where it cannot be built."""
        try:
            trace = self.fed(build(lambda: self.make(point)))
        except ValueError:  # groups that do not divide
            return None
        return not trace.faults if trace.complete else None


@pytest.mark.slow
@pytest.mark.parametrize("label", [label for label in BLOCKS if label not in NO_SYMBOLS])
def test_a_contract_agrees_with_brute_force(label: str, tmp_path: Path) -> None:
    blocks, grid = blocks_of(label, tmp_path)
    contract = constructor_contract(blocks.make, grid, blocks.fed, blocks.project)
    assert contract is not None
    assert all(blocks.works(point) is True for point in contract.works)
    assert all(blocks.works(point) is False for point in contract.fails)
    spoken_of = [*contract.works, *contract.fails]
    assert all(point in spoken_of or blocks.works(point) is None for point in grid)
    assert contract.condition == CONDITIONS[label]


@pytest.mark.parametrize("label", NO_SYMBOLS)
def test_no_contract_where_symbols_cannot_go(label: str, tmp_path: Path) -> None:
    blocks, grid = blocks_of(label, tmp_path)
    assert constructor_contract(blocks.make, grid, blocks.fed, blocks.project) is None
    assert {blocks.works(point) for point in grid} == {True, False}


def blocks_of(label: str, folder: Path) -> tuple[Blocks, list[dict[str, int]]]:
    """The blocks of a kind, and the arguments to try."""
    source, values = BLOCKS[label]
    grid = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    return Blocks(folder, source, list(values)), grid


def block(setup: str, forward: str, arguments: str = "cin, cout, stride=1") -> str:
    return f"""
class Block(nn.Module):
    def __init__(self, {arguments}):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(cin, cout, 3, stride, 1), nn.BatchNorm2d(cout)
        self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, stride), nn.BatchNorm2d(cout))
        {setup}
    def forward(self, x):
        y = self.bn(self.conv(x))
        {forward}
"""


EVERYTHING = "cin, cout, stride and input size"
PROVED = {
    "a projection": ("", "return self.shortcut(x) + y", EVERYTHING),
    "no normalization": ("self.bn = nn.Identity()", "return self.shortcut(x) + y", EVERYTHING),
    "fails beyond the grid": (
        "self.pool = nn.MaxPool2d(2) if cout > 200 else nn.Identity()",
        "return self.shortcut(x) + self.pool(y)",
        None,
    ),
    "works beyond the grid": (
        "self.more = nn.Conv2d(cout, cout, 1) if 200 < cout else nn.Identity()",
        "return self.shortcut(x) + self.more(y)",
        EVERYTHING,
    ),
    "refuses some arguments": (
        "",
        """if self.conv.in_channels != self.conv.out_channels: raise ValueError
        return self.shortcut(x) + y""",
        None,
    ),
    "a branch on the size": (
        "",
        """if x.shape[-1] % 2: y = y + 1
        return self.shortcut(x) + y""",
        "cin, cout, stride",
    ),
    "another call asks first": (
        "",
        """z = F.interpolate(F.avg_pool2d(y, 2), scale_factor=2)
        return self.shortcut(x) + y * z + z""",
        "cin, cout, stride",
    ),
    "a division that fails at some points": (
        "self.norm = nn.GroupNorm(cout // cin if cout > cin else 1, cout)",
        "return self.shortcut(x) + self.norm(y)",
        "cin, cout, stride",
    ),
}


@pytest.mark.parametrize("label", PROVED)
def test_what_is_proved_of_a_block(label: str, tmp_path: Path) -> None:
    """Also where the size of the image is one of the numbers of channels."""
    setup, forward, proved = PROVED[label]
    blocks = Blocks(tmp_path, block(setup, forward), ["cin", "cout", "stride"])
    grid = [dict(zip(("cin", "cout", "stride"), p, strict=True)) for p in itertools.product((24, 48), (24, 48), (1, 2))]

    def fed(module: nn.Module) -> Trace:
        return feed(module, blocks.project, [(2, 24, 24, 24), (2, 48, 24, 24)])[0]

    contract = constructor_contract(blocks.make, grid, fed, blocks.project)
    assert contract is not None
    assert contract.proved == proved


def test_an_exception_for_one_number_is_in_the_condition(tmp_path: Path) -> None:
    setup = "self.shortcut = nn.Identity() if cin == cout and stride != 4 else self.shortcut"
    blocks = Blocks(tmp_path, block(setup, "return self.shortcut(x) + y"), ["cin", "cout", "stride"])
    grid = [dict(zip(("cin", "cout", "stride"), p, strict=True)) for p in itertools.product((24, 48), (24, 48), (1, 2))]
    contract = constructor_contract(blocks.make, grid, blocks.fed, blocks.project)
    assert contract is not None
    assert contract.condition is not None
    for cin, cout, stride in itertools.product((24, 48), (24, 48), (1, 2, 3, 4, 5)):
        point = {"cin": cin, "cout": cout, "stride": stride}
        assert eval(contract.condition, {}, point) == blocks.works(point)


POINTS = [dict(zip("abs", point, strict=True)) for point in itertools.product((1, 2, 3), repeat=3)]


@pytest.mark.parametrize(
    "condition",
    ["a == b", "a == b and s == 1", "a != b or s == 1", "a == b and s == 1 and b == 2", "s == 1 or a == b and b == 2"],
)
def test_a_formula_is_as_short_as_it_can_be(condition: str) -> None:
    holds = [point for point in POINTS if eval(condition, {}, dict(point))]
    others = [point for point in POINTS if point not in holds]
    literals = ["a == b", "a != b", "s == 1", "s != 1", "b == 2", "other > 1"]
    assert shortest_condition(holds, others, literals) == condition


def test_no_formula_where_the_words_do_not_tell() -> None:
    assert shortest_condition(POINTS[:4], POINTS[4:], ["a == b"]) is None


def test_a_fix_for_all_arguments_is_proved(lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(HEAD + BLOCKS["plain"][0])
    result = lint(path, "--isolated")
    assert "warning: RL106 Block accepts arguments for which its addition fails" in result.stdout
    assert "it requires cin == cout and stride == 1" in result.stdout
    assert "fix (verified): project the shortcut" in result.stdout
    assert "also proved for every cin, cout, stride and input size" in result.stdout


def test_an_option_that_projects_for_some_arguments_only(lint: Lint, tmp_path: Path) -> None:
    block = """
    class Block(nn.Module):
        def __init__(self, cin, cout, project=False, stride=1):
            super().__init__()
            self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
            self.skip = nn.Conv2d(cin, cout, 1, @) if project else nn.Identity()
        def forward(self, x):
            return self.conv(x) + self.skip(x)
    """
    found = {}
    for name, stride in (("all", "stride"), ("channels", "1")):
        (tmp_path / f"{name}.py").write_text("from torch import nn\n" + dedent(block).replace("@", stride))
        report = json.loads(lint(tmp_path / f"{name}.py", "--format", "json").stdout)
        found[name] = [finding["rule"] for finding in report["findings"]]
    assert found == {"all": [], "channels": ["RL106"]}


PROJECTIONS = {
    "channels and stride": (
        """
        class Block(nn.Module):
            def __init__(self, cin, cout, stride):
                super().__init__()
                self.conv1, self.conv2 = nn.Conv2d(cin, cout, 3, stride, 1), nn.Conv2d(cout, cout, 3, 1, 1)
                self.bn = nn.BatchNorm2d(cout)
            def forward(self, x):
                return x + self.bn(self.conv2(self.conv1(x)))
        if __name__ == "__main__":
            Block(4, 8, 2)(torch.randn(2, 4, 32, 32))
        """,
        "RL103",
        "cin, cout, stride and input size",
    ),
    "a block of fixed channels": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1, self.conv2 = nn.Conv2d(3, 16, 3, 1, 1), nn.Conv2d(16, 32, 3, 2, 1)
            def forward(self, x):
                x = self.conv1(x)
                return x + self.conv2(x)
        """,
        "RL103",
        "input size",
    ),
    "a code that asks for sizes itself": (
        """
        class Block(nn.Module):
            def __init__(self, cin, cout):
                super().__init__()
                self.conv = nn.Conv2d(cin, cout, 3, 1, 1)
            def forward(self, x):
                if x.shape[-1] % 2:
                    x = F.pad(x, (0, 1))
                return x + self.conv(x)
        if __name__ == "__main__":
            Block(4, 8)(torch.randn(2, 4, 32, 32))
        """,
        "RL101",
        "cin, cout",
    ),
}


@pytest.mark.parametrize("label", PROJECTIONS)
def test_a_projection_is_proved_as_far_as_symbols_go(label: str, lint: Lint, tmp_path: Path) -> None:
    source, code, proved = PROJECTIONS[label]
    path, _ = write_model(tmp_path, source)
    result = lint(path, "--isolated")
    assert code in result.stdout
    assert f"also proved for every {proved}" in result.stdout


def test_a_fix_that_holds_for_the_models_traced_alone_is_not_reported_as_proved(lint: Lint, tmp_path: Path) -> None:
    """The file builds the block with stride 1 alone, and has a projection for that."""
    path, _ = write_model(
        tmp_path,
        """
        class Block(nn.Module):
            def __init__(self, cin, cout, stride=1):
                super().__init__()
                self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
                self.shortcut = nn.Conv2d(cin, cin, 1)
            def forward(self, x):
                return self.shortcut(x) + self.conv(x)
        if __name__ == "__main__":
            Block(4, 8)(torch.randn(2, 4, 32, 32))
        """,
    )
    result = lint(path, "--isolated")
    assert "fix (verified): " in result.stdout
    assert "proved:" not in result.stdout
