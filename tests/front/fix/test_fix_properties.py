"""Random residual blocks with a random fault: whatever is offered as a fix makes the model run as it was meant to."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import hypothesis
import pytest
from conftest import Lint
from fixing import HEAD, build, fix_twice, main_block, output_shape, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_lint.shared.records.places import Shape

Fault = Literal["no projection", "projection without stride", "projection with wrong channels", "padding lost"]
FAULTS: tuple[Fault, ...] = (
    "no projection", "projection without stride", "projection with wrong channels", "padding lost",
)  # fmt: skip
ADDITIONS = (
    "return out + x",
    "return x + out",
    "out += x\n        return out",
    "return torch.add(out, x)",
    "return F.relu(x + out)",
)


@dataclass(frozen=True)
class Block:
    """A residual block as source, right but for its fault. `axes` is 0 for linear layers."""

    axes: int
    channels: tuple[int, int]
    stride: int
    kernel: int
    layers: int
    norm: Literal["none", "batch", "group"]
    addition: str
    style: Literal["names", "keywords", "literals"]
    sibling: bool
    fault: Fault

    @property
    def projected(self) -> bool:
        return self.stride != 1 or self.channels[0] != self.channels[1]

    @property
    def shape(self) -> Shape:
        return (2, self.channels[0], *(11 + axis for axis in range(self.axes)))

    @property
    def output(self) -> Shape:
        return (2, self.channels[1], *((size - 1) // self.stride + 1 for size in self.shape[2:]))

    @property
    def source(self) -> str:
        lines = [HEAD + "class Block(nn.Module):", f"    def __init__(self{self._parameters}):"]
        lines += ["        super().__init__()", *(f"        {line}" for line in self._layers)]
        addition = self.addition
        if self.fault.startswith("projection"):
            addition = addition.replace(" x)", " self.shortcut(x))") if addition.startswith("return torch") else (
                addition.replace("x + out", "self.shortcut(x) + out").replace("out + x", "out + self.shortcut(x)")
                .replace("out += x", "out += self.shortcut(x)")
            )  # fmt: skip
        lines += ["", "    def forward(self, x):", f"        out = {self._branch}", f"        {addition}"]
        lines += ["", "", "class Net(nn.Module):", "    def __init__(self):", "        super().__init__()"]
        lines += [f"        self.block = Block({self._arguments})"]
        if self.sibling:
            lines += [f"        self.sibling = Block({self.sibling_arguments})"]
        body = "self.block(self.sibling(x))" if self.sibling else "self.block(x)"
        lines += ["", "    def forward(self, x):", f"        return {body}"]
        return "\n".join(lines) + "\n" + main_block("Net()", self.shape)

    @property
    def _parameters(self) -> str:
        return {"names": ", cin, cout, stride=1", "keywords": ", *, cin, cout, stride=1", "literals": ""}[self.style]

    @property
    def _arguments(self) -> str:
        first, last = self.channels
        words = f"cin={first}, cout={last}, stride={self.stride}"
        return {"names": f"{first}, {last}, {self.stride}", "keywords": words, "literals": ""}[self.style]

    @property
    def sibling_arguments(self) -> str:
        first = self.channels[0]
        return f"cin={first}, cout={first}" if self.style == "keywords" else f"{first}, {first}"

    @property
    def _names(self) -> tuple[str, str, str]:
        literals = str(self.channels[0]), str(self.channels[1]), str(self.stride)
        return literals if self.style == "literals" else ("cin", "cout", "stride")

    @property
    def _layers(self) -> list[str]:
        cin, cout, stride = self._names
        found = []
        for number in range(self.layers):
            width = cin if number == 0 else cout
            if self.axes == 0:
                found.append(f"self.layer{number} = nn.Linear({width}, {cout})")
                continue
            step = f", stride={stride}" if number == 0 else ""
            lost = self.fault == "padding lost" and number == self.layers - 1
            padding = "" if lost else f", padding={self.kernel // 2}"
            found.append(f"self.layer{number} = nn.Conv{self.axes}d({width}, {cout}, {self.kernel}{step}{padding})")
        if self.norm == "batch":
            found.append(f"self.norm = nn.BatchNorm{max(self.axes, 1)}d({cout})")
        if self.norm == "group":
            found.append(f"self.norm = nn.GroupNorm(2, {cout})")
        if self.fault == "projection without stride":
            found.append(f"self.shortcut = nn.Conv{self.axes}d({cin}, {cout}, 1)")
        if self.fault == "projection with wrong channels":
            step = f", stride={stride}" if self.axes else ""
            kind, size = (f"Conv{self.axes}d", ", 1") if self.axes else ("Linear", "")
            found.append(f"self.shortcut = nn.{kind}({cin}, {cin}{size}{step})")
        return found

    @property
    def _branch(self) -> str:
        out = "x"
        for number in range(self.layers):
            out = f"self.layer{number}({out if number == 0 else f'F.relu({out})'})"
        return out if self.norm == "none" else f"self.norm({out})"


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """Blocks that really have their fault: a projection is missing only where one is needed."""
    fault = draw(st.sampled_from(FAULTS))
    axes = draw(st.sampled_from([1, 2, 3] if fault in ("projection without stride", "padding lost") else [0, 1, 2, 3]))
    first = draw(st.sampled_from([2, 4, 6]))
    last, stride = first, 1
    if fault == "projection without stride":
        last, stride = draw(st.sampled_from([first, 8])), draw(st.sampled_from([2, 3]))
    elif fault == "projection with wrong channels":
        last, stride = 8, draw(st.sampled_from([1, 2])) if axes else 1
    elif fault == "no projection":
        last, stride = draw(st.sampled_from([(8, 1), (8, 2), (12, 3), (first, 2)])) if axes else (8, 1)
    block = Block(
        axes, (first, last), stride,
        kernel=draw(st.sampled_from([3, 5])),
        layers=draw(st.integers(1, 3)),
        norm=draw(st.sampled_from(["none", "batch", "group"])),
        addition=draw(st.sampled_from(ADDITIONS)),
        style=draw(st.sampled_from(["names", "keywords", "literals"])),
        sibling=draw(st.booleans()),
        fault=fault,
    )  # fmt: skip
    # A block without arguments has no sibling with other ones, and a block whose shortcut is always projected, or
    # whose branch always shrinks, is at fault there too.
    return replace(block, sibling=block.sibling and fault == "no projection" and block.style != "literals")


@pytest.mark.slow
@settings(
    max_examples=15, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(block=blocks())
def test_a_fixed_block_runs_as_it_was_meant_to(block: Block, lint: Lint) -> None:
    hypothesis.note(block.source)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), block.source)
        change = fix_twice(lint, path)
        assert change.removed  # it was at fault
        hypothesis.note(change.after.decode())
        assert output_shape(path, "Net()", block.shape) == block.output
        if block.sibling:
            keys = build(path, "Net().sibling").state_dict()
            assert not any(key.startswith(("shortcut", "downsample")) for key in keys)
        if block.fault != "no projection":
            assert len(change.added) == len(change.removed)  # corrected where it is, nothing is added
