"""Traces with symbolic input sizes: the text of shapes, and the conditions that calls add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tracing import net, record

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.shared.records.places import Shape
from resnet_lint.worker.sizes.print_sizes import size_text
from resnet_lint.worker.symbolic import repeated_blocks, symbolic_recorder
from resnet_lint.worker.symbolic.symbolic_trace import SymbolicTrace, symbolic_trace
from resnet_lint.worker.symbolic.symbols import Environment

DOWN = "nn.Conv2d(3, 8, 3, stride=2, padding=1)"


def traced(folder: Path, source: str, *shapes: Shape) -> SymbolicTrace:
    return symbolic_trace(record(folder, source, *shapes))


@pytest.mark.parametrize(
    ("forward", "layers", "shape", "result"),
    [
        ("return self.down(x)", {"down": DOWN}, (2, 3, 32, 48), "N, 8, ceil(H/2), ceil(W/2)"),
        (
            "return self.down(x)",
            {"down": "nn.Conv2d(3, 8, 3, stride=2)"},
            (2, 3, 32, 48),
            "N, 8, (H - 1)//2, (W - 1)//2",
        ),
        ("return self.pool(self.pool(x))", {"pool": "nn.MaxPool2d(2)"}, (2, 3, 32, 48), "N, C, H//4, W//4"),
        (
            "return self.pool(self.pool(x))",
            {"pool": "nn.MaxPool2d(3, 2, 1)"},
            (2, 3, 32, 48),
            "N, C, ceil(H/4), ceil(W/4)",
        ),
        ("return F.interpolate(F.max_pool2d(x, 2), scale_factor=2)", {}, (2, 3, 32, 48), "N, C, 2*(H//2), 2*(W//2)"),
        ("return x.flatten(1)", {}, (2, 3, 32, 48), "N, C*H*W"),
        ("return self.conv(x)", {"conv": "nn.Conv1d(3, 8, 5)"}, (2, 3, 32), "N, 8, L - 4"),
        ("return self.linear(x)", {"linear": "nn.Linear(32, 8)"}, (2, 7, 32), "N, L, 8"),
        ("return self.conv(x)", {"conv": "nn.Conv3d(3, 8, 3, padding=1)"}, (2, 3, 4, 8, 10), "N, 8, T, H, W"),
    ],
)
def test_shapes_are_printed_in_terms_of_the_input(
    tmp_path: Path, forward: str, layers: dict[str, str], shape: Shape, result: str
) -> None:
    trace = traced(tmp_path, net(forward, **layers), shape)
    assert ", ".join(trace.shape_text(list(trace.nodes)[-1])) == result


def test_a_node_has_the_shape_of_the_concrete_trace_as_well(tmp_path: Path) -> None:
    concrete = record(tmp_path, net("return torch.relu(self.down(x))", down=DOWN), (2, 3, 32, 48))
    trace = symbolic_trace(concrete)
    shapes = [[node.shape for node in graph.nodes] for graph in (concrete, trace)]
    assert shapes[0] == shapes[1]
    assert [node.point for node in concrete.nodes] == [node.point for node in trace.nodes]


def test_an_addition_asks_for_the_sizes_that_make_it_fit(tmp_path: Path) -> None:
    trace = traced(
        tmp_path,
        net(
            "return self.branch(x) + self.shortcut(x)", branch="nn.Conv2d(3, 8, 2, 2)", shortcut="nn.Conv2d(3, 8, 1, 2)"
        ),
        (2, 3, 32, 48),
    )
    asked = {trace.text(guard) for guard in trace.guards}
    assert {"H//2 == ceil(H/2)", "W//2 == ceil(W/2)"} <= {text for text in asked} | {_turned(text) for text in asked}


def _turned(relation: str) -> str:
    left, sign, right = relation.partition(" == ")
    return f"{right}{sign}{left}"


def test_a_second_input_has_names_of_its_own_unless_it_has_to_be_equal(tmp_path: Path) -> None:
    source = "class Net(nn.Module):\n    def forward(self, x, y):\n        return torch.cat([x, y], 3)\n"
    trace = traced(tmp_path, source, (2, 3, 8, 8), (2, 3, 8, 4))
    assert ", ".join(trace.shape_text(list(trace.nodes)[-1])) == "N, C, H, W + W2"


def test_a_faulty_addition_does_not_end_the_trace(tmp_path: Path) -> None:
    trace = traced(tmp_path, net("return torch.relu(self.down(x) + x)", down=DOWN), (2, 3, 32, 48))
    assert [fault.kind for fault in trace.trace.all_faults] == ["addition"]
    assert ", ".join(trace.shape_text(list(trace.nodes)[-1])) == "N, 8, ceil(H/2), ceil(W/2)"


def test_what_depends_on_values_ends_it_with_the_reason(tmp_path: Path) -> None:
    trace = traced(tmp_path, net("return torch.relu(x[x > 0])"), (2, 3, 32, 48))
    assert trace.trace.stop is not None
    assert trace.trace.stop.reason == "line 8: its result depends on values, which are unknown without data"


BLOCKS = """
class Block(nn.Module):
    def __init__(self, width, scale=1):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.act, self.scale = nn.ReLU(inplace=True), scale

    def forward(self, x):
        return self.act(x + self.conv(x) * self.scale)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(8), Block(8), Block(8, 2), Block(8), nn.Identity())

    def forward(self, x):
        return self.blocks[0](self.blocks(x))
"""


def test_blocks_that_repeat_are_traced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    concrete = record(tmp_path, BLOCKS, (2, 8, 16, 24))
    copied = []

    class Noted(repeated_blocks.Copy):
        def __init__(self, block: repeated_blocks.Block, call: ModuleCall, *rest: Any) -> None:
            copied.append(call.path)
            super().__init__(block, call, *rest)

    monkeypatch.setattr(symbolic_recorder, "Copy", Noted)
    trace = symbolic_trace(concrete).trace
    assert copied == [
        "blocks.3",
        "blocks.0",
    ]  # as blocks.1; blocks.2 is built otherwise, the input has unknown channels
    assert [_facts(node) for node in trace.nodes] == [_facts(node) for node in concrete.nodes]
    assert [call.path for call in trace.calls] == [call.path for call in concrete.calls]
    assert list(map(str, trace.results.values())) == list(map(str, concrete.results.values()))


def test_a_block_that_gives_more_than_it_makes_is_run_each_time(tmp_path: Path) -> None:
    block = """
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.scale = nn.Conv2d(8, 8, 3, padding=1), nn.Parameter(torch.ones(8, 1, 1))

        def forward(self, x):
            return self.conv(x), self.scale

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.third = Block(), Block(), Block()

        def forward(self, x):
            for block in (self.first, self.second, self.third):
                x, scale = block(x)
                x = x * scale
            return x
    """
    concrete = record(tmp_path, block, (2, 8, 16, 24))
    trace = symbolic_trace(concrete).trace
    assert [_facts(node) for node in trace.nodes] == [_facts(node) for node in concrete.nodes]


def _facts(node: Node) -> tuple[object, ...]:
    call = node.call
    facts = ([operand.name for operand in node.operands], node.shape, node.inputs, node.point, node.activation)
    return (node.name, node.kind, node.target, node.function, call and (call.path, type(call.module)), *facts)


def test_integers_can_be_symbols_too() -> None:
    environment = Environment()
    width, stride = environment.integer("width", 64), environment.integer("stride", 2)
    assert (width + stride - 1) // stride == 32
    names = {environment.expression(width): "width", environment.expression(stride): "stride"}
    assert size_text(environment.expression(width // stride), names) == "width//stride"
    assert [size_text(guard, names) for guard in environment.guards] == ["(width + stride - 1)//stride == 32"]
