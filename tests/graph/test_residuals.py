"""The skip connections of a graph: fork, residual branch and shortcut, for every way to write the addition."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from tracing import net, nodes, record, source_of

from resnet_lint.graph import residuals
from resnet_lint.graph.effects import layers_on
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import residuals_in
from resnet_lint.graph.trace import Trace
from resnet_lint.worker.fix_plans.evidence import total_stride

CONV = "nn.Conv2d(8, 8, 3, padding=1)"
IMAGE = (2, 8, 6, 6)


def described(trace: Trace) -> list[tuple[str, str, str]]:
    """Fork, end of the branch and end of the shortcut of each skip connection, by the names of layers or functions."""
    assert trace.complete
    found = residuals_in(trace.nodes)
    return [(name(r.fork), name(r.branch), name(r.shortcut)) for r in found if r.fork is not None]


def name(node: Node) -> str:
    call = node.call
    if call is not None and call.is_torchs and call.path:
        return str(call.path)
    return node.name if node.kind == "input" else node.spelling


@pytest.mark.parametrize(
    "addition",
    [
        "return x + self.conv(x)",
        "return self.conv(x) + x",
        "out = self.conv(x)\nout += x\nreturn out",
        "x = x * 1\nout = self.conv(x)\nx += out\nreturn x",
        "return torch.add(x, self.conv(x))",
        "return torch.add(self.conv(x), x, alpha=0.5)",
        "return torch.add(input=x, other=self.conv(x))",
        "return x.add(self.conv(x))",
        "return self.conv(x).add_(x)",
        "return operator.add(x, self.conv(x))",
        "return operator.iadd(self.conv(x), x)",
    ],
)
def test_every_way_to_write_an_addition(addition: str, tmp_path: Path) -> None:
    [(fork, branch, shortcut)] = described(record(tmp_path, net(addition, conv=CONV), IMAGE))
    assert (branch, shortcut) == ("conv", fork)


def test_the_sum_of_a_list_begins_with_zero(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return sum([x, self.conv(x)])", conv=CONV), IMAGE)
    assert described(trace) == [("x", "conv", "add")]


@pytest.mark.parametrize("other", ["x - self.conv(x)", "x * self.conv(x)", "torch.cat([x, self.conv(x)], 1)", "x + 1"])
def test_what_is_no_residual_addition(other: str, tmp_path: Path) -> None:
    assert described(record(tmp_path, net(f"return {other}", conv=CONV), IMAGE)) == []


def test_the_addition_of_a_parameter_is_no_skip_connection(tmp_path: Path) -> None:
    assert described(record(tmp_path, net("return x + self.conv.bias[:, None, None]", conv=CONV), IMAGE)) == []


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("nn.Conv1d(8, 8, 3, padding=1)", (2, 8, 6)),
        (CONV, IMAGE),
        ("nn.Conv3d(8, 8, 3, padding=1)", (2, 8, 4, 6, 6)),
        ("nn.ConvTranspose2d(8, 8, 3, padding=1)", IMAGE),
        ("nn.Linear(8, 8)", (2, 8)),
        ("nn.Linear(8, 8)", (2, 5, 8)),
    ],
)
def test_layers_of_every_rank(layer: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    trace = record(tmp_path, net("return x + self.layer(x)", layer=layer), shape)
    assert described(trace) == [("x", "layer", "x")]


def test_a_projection_is_the_shortcut_on_either_side(tmp_path: Path) -> None:
    layers = {"conv1": CONV, "conv2": CONV, "proj": "nn.Conv2d(8, 8, 1)"}
    for addition in ("self.conv2(self.conv1(x)) + self.proj(x)", "self.proj(x) + self.conv2(self.conv1(x))"):
        trace = record(tmp_path, net(f"return {addition}", **layers), IMAGE)
        assert described(trace) == [("x", "conv2", "proj")]


def test_one_layer_each_the_small_kernel_is_the_shortcut(tmp_path: Path) -> None:
    layers = {"conv": CONV, "proj": "nn.Conv2d(8, 8, 1)"}
    trace = record(tmp_path, net("return self.proj(x) + self.conv(x)", **layers), IMAGE)
    assert described(trace) == [("x", "conv", "proj")]


@pytest.mark.parametrize("layer", ["nn.LSTM(8, 4, bidirectional=True)", "nn.GRU(8, 8)", "nn.RNN(8, 8)"])
def test_a_recurrent_layer_is_the_branch(layer: str, tmp_path: Path) -> None:
    trace = record(tmp_path, net("return x + self.rnn(x)[0]", rnn=layer), (5, 2, 8))
    [residual] = residuals_in(trace.nodes)
    assert (residual.shortcut.kind, residual.branch.kind) == ("input", "part")


def test_a_bottleneck(tmp_path: Path) -> None:
    layers = {
        "reduce": "nn.Conv2d(8, 2, 1)",
        "conv": "nn.Conv2d(2, 2, 3, padding=1)",
        "expand": "nn.Conv2d(2, 8, 1)",
        "norm": "nn.BatchNorm2d(8)",
    }
    forward = "out = self.norm(self.expand(self.conv(self.reduce(x)).relu()))\nout += x\nreturn out.relu()"
    trace = record(tmp_path, net(forward, **layers), IMAGE)
    assert described(trace) == [("x", "norm", "x")]
    [residual] = residuals_in(trace.nodes)
    assert residual.shortcut_path == []
    assert [name(node) for node in residual.branch_path] == ["reduce", "conv", "relu", "expand", "norm"]


def test_a_pre_activation_block_forks_after_the_activation(tmp_path: Path) -> None:
    layers = {"norm": "nn.BatchNorm2d(8)", "conv": CONV, "proj": "nn.Conv2d(8, 8, 1)"}
    trace = record(tmp_path, net("a = self.norm(x).relu()\nreturn self.conv(a) + self.proj(a)", **layers), IMAGE)
    assert described(trace) == [("relu", "conv", "proj")]
    trace = record(tmp_path, net("return self.conv(self.norm(x).relu()) + x", **layers), IMAGE)
    assert described(trace) == [("x", "conv", "x")]


def test_an_inverted_residual(tmp_path: Path) -> None:
    depthwise = "nn.Conv2d(48, 48, 3, padding=1, groups=48)"
    block = f"nn.Sequential(nn.Conv2d(8, 48, 1), nn.ReLU6(), {depthwise}, nn.Conv2d(48, 8, 1))"
    trace = record(tmp_path, net("return x + self.conv(x)", conv=block), IMAGE)
    assert described(trace) == [("x", "conv.3", "x")]


def test_a_sum_of_three_branches_is_two_additions(tmp_path: Path) -> None:
    layers = {"near": CONV, "far": "nn.Conv2d(8, 8, 3, padding=2, dilation=2)"}
    trace = record(tmp_path, net("return x + self.near(x) + self.far(x)", **layers), IMAGE)
    assert [fork for fork, _, _ in described(trace)] == ["x", "x"]
    assert {source_of(node) for node in nodes(trace, "add")} == {
        "x + self.near(x)",
        "x + self.near(x) + self.far(x)",
    }


def test_a_skip_over_skips(tmp_path: Path) -> None:
    layers = {f"conv{number}": CONV for number in range(3)}
    forward = "a = x + self.conv0(x)\nb = a + self.conv1(a)\nreturn self.conv2(b) + x"
    trace = record(tmp_path, net(forward, **layers), IMAGE)
    assert [found[:2] for found in described(trace)] == [("x", "conv0"), ("add", "conv1"), ("x", "conv2")]


def test_two_inputs_have_no_fork(tmp_path: Path) -> None:
    source = net("return self.conv(x) + y", conv=CONV).replace("(self, x)", "(self, x, y)")
    assert described(record(tmp_path, source, IMAGE, IMAGE)) == []


def visits_in(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the search for forks and branches takes up a node."""
    visits = 0

    def counted(node: Node) -> tuple[Node, ...]:
        nonlocal visits
        visits += 1
        return tuple(dict.fromkeys(node.operands))

    with monkeypatch.context() as patch:
        patch.setattr(Node, "sources", property(counted))
        patch.setattr(Node, "activations", property(lambda node: tuple(s for s in node.sources if s.activation)))
        found = residuals.residuals_in(trace.nodes)
        assert [r.shortcut_path for r in found] == [[]] * len(found)
    return visits


def test_the_cost_of_a_chain_of_blocks_grows_with_its_length_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chain(length: int) -> Trace:
        forward = f"for _ in range({length}): x = x + self.conv(x).relu()\nreturn x"
        return record(tmp_path, net(forward, conv=CONV), IMAGE)

    few, many = (visits_in(chain(length), monkeypatch) for length in (10, 100))
    assert 0 < many <= few * 11


def test_gates_are_no_layers_of_the_branch(tmp_path: Path) -> None:
    forward = """
        y = self.conv(x)
        y = y * self.squeeze(F.avg_pool2d(y, 6, 6)).sigmoid()
        y = y * self.position(torch.cat((y.mean(1, keepdim=True), y.amax(1, keepdim=True)), 1)).sigmoid()
        return x + self.last(y)
    """
    layers = {"conv": CONV, "squeeze": "nn.Conv2d(8, 8, 1)", "position": "nn.Conv2d(2, 1, 3, padding=1)", "last": CONV}
    trace = record(tmp_path, "import torch.nn.functional as F\n" + net(dedent(forward), **layers), IMAGE)
    [residual] = residuals_in(trace.nodes)
    assert [name(node) for node, _ in layers_on(residual.branch_path)] == ["conv", "last"]
    assert total_stride(residual.branch_path, 2) == (1, 1)
