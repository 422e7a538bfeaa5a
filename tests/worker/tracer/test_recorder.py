"""The recorded forward pass: its graph, its faults, how it continues after one, and what ends it early."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tracing import net, nodes, record, source_of

from resnet_lint.graph.residuals import depends_on
from resnet_lint.graph.trace import Trace
from resnet_lint.worker.tracer.meta_lets_pass import refuse_empty_convolution

CONV = "nn.Conv2d(3, 8, 3, padding=1)"


def errors(trace: Trace) -> list[tuple[str, str]]:
    """Kind and source of each fault."""
    return [(fault.kind, fault.point.text) for fault in trace.all_faults]


def test_a_node_knows_its_shape_place_and_module(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return torch.relu(self.body(x))", body=f"nn.Sequential({CONV})"), (2, 3, 8, 8))
    assert trace.complete
    assert trace.all_faults == ()
    [conv], [relu] = nodes(trace, "conv2d"), nodes(trace, "relu")
    assert conv.inputs == ((2, 3, 8, 8), (8, 3, 3, 3), (8,))
    assert conv.shape == relu.shape == (2, 8, 8, 8)
    assert (conv.known_call.path, relu.known_call.path) == ("body.0", "")
    assert (source_of(conv), source_of(relu)) == ("self.body(x)", "torch.relu(self.body(x))")
    assert relu.sources == (conv,)
    assert [node.kind for node in trace.nodes] == ["input", "stored", "stored", "convolution", "other"]


def test_every_node_has_the_facts_that_the_graph_promises(tmp_path: Path) -> None:
    trace = record(tmp_path, net("a, b = self.conv(x).chunk(2, 1)\nreturn a + b.mean()", conv=CONV), (2, 3, 8, 8))
    orders = [node.order for node in trace.nodes]
    assert orders == sorted(set(orders))
    assert all(source.order < node.order and node in source.users for node in trace.nodes for source in node.sources)


def test_parts_of_a_result_are_nodes_of_their_own(tmp_path: Path) -> None:
    trace = record(tmp_path, net("a, b = x.chunk(2, 1)\nreturn a + b"), (2, 4, 8))
    [chunk], [add] = nodes(trace, "chunk"), nodes(trace, "add")
    assert chunk.shape is None
    assert [node.shape for node in add.sources] == [(2, 2, 8), (2, 2, 8)]
    assert all(node.sources == (chunk,) for node in add.sources)


def test_parameters_are_no_activations(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return x + (self.conv.bias * 2)[:, None, None]", conv=CONV), (2, 8, 4, 4))
    [mul], [add] = nodes(trace, "mul"), nodes(trace, "add")
    assert not mul.activation
    assert add.activation


def test_an_operation_in_place_gives_the_name_of_its_result(tmp_path: Path) -> None:
    trace = record(tmp_path, net("x = x * 1\nx.relu_()\nreturn x.neg()"), (2, 3))
    [relu], [neg] = nodes(trace, "relu_"), nodes(trace, "neg")
    assert neg.sources == (relu,)


def test_a_view_follows_what_it_is_a_view_of(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return x.flatten(1).unsqueeze(1)[..., :3]"), (2, 3, 4))
    shapes = [node.shape for node in trace.nodes]
    assert shapes == [(2, 3, 4), (2, 12), (2, 1, 12), (2, 1, 3)]


def test_control_flow_on_shapes_runs_as_written(tmp_path: Path) -> None:
    source = net("return x[..., 1:] if x.shape[-1] % 2 else x.neg()")
    assert nodes(record(tmp_path, source, (2, 5)), "neg") == []
    assert len(nodes(record(tmp_path, source, (2, 6)), "neg")) == 1


@pytest.mark.parametrize(
    "forward",
    [
        "return x if x.sum() > 0 else -x",
        "return x[: int(x[0, 0])]",
        "return x * x.max().item()",
    ],
)
def test_control_flow_on_values_stops_the_trace_without_a_fault(forward: str, tmp_path: Path) -> None:
    trace = record(tmp_path, net(forward), (2, 5))
    assert trace.all_faults == ()
    assert trace.stop is not None
    assert trace.stop.point is not None and trace.stop.point.span.start.line == 8


def test_a_fault_behind_a_mask_counts_if_it_does_not_depend_on_the_number_of_rows(tmp_path: Path) -> None:
    [fault] = record(tmp_path, net("return x[x[:, 0] > 0] @ x.new_zeros(7, 2)"), (4, 5)).all_faults
    assert fault.error == "mat1 and mat2 shapes cannot be multiplied (4x5 and 7x2)"
    trace = record(tmp_path, net("return x[x[:, 0] > 0] + x[:3]"), (4, 5))
    assert trace.all_faults == () and trace.stop is not None
    assert trace.stop.reason == "line 8: its result depends on values, which are unknown without data"


def test_an_error_of_another_sort_stops_the_trace_without_a_fault(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return x.no_such_method()"), (2, 5))
    assert trace.all_faults == ()
    assert trace.stop is not None
    assert trace.stop.reason == "line 8: AttributeError: 'Tensor' object has no attribute 'no_such_method'"


def test_a_model_that_catches_its_own_error_has_no_fault(tmp_path: Path) -> None:
    forward = "try:\n    x = x.view(-1, 7)\nexcept RuntimeError:\n    x = x.neg()\nreturn x"
    trace = record(tmp_path, net(forward), (2, 5))
    assert trace.complete
    assert trace.all_faults == ()
    assert len(nodes(trace, "neg")) == 1


def test_the_fault_of_an_addition_is_proved_by_torchs_own_words(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return self.conv(x) + x", conv=CONV), (2, 3, 8, 8))
    [fault] = trace.all_faults
    assert (fault.kind, fault.point.text) == ("addition", "self.conv(x) + x")
    with pytest.raises(RuntimeError) as error:
        torch.ones(2, 8, 8, 8) + torch.ones(2, 3, 8, 8)
    assert fault.error == str(error.value)


def test_two_faults_are_found_in_one_trace(tmp_path: Path) -> None:
    layers = {"wide": CONV, "late": "nn.Conv2d(16, 4, 1)", "last": "nn.Conv2d(4, 5, 1)"}
    trace = record(tmp_path, net("x = x + self.wide(x)\nx = self.late(x)\nreturn self.last(x)", **layers), (2, 3, 8, 8))
    assert errors(trace) == [("addition", "x + self.wide(x)"), ("layer", "self.late(x)")]
    assert trace.complete
    assert trace.output.shape == (2, 5, 8, 8)


@pytest.mark.parametrize(
    ("forward", "layer", "kind", "source"),
    [
        ("return self.layer(x)", "nn.Linear(9, 2)", "layer", "self.layer(x)"),
        ("return self.layer(x)", "nn.Conv1d(9, 2, 1)", "layer", "self.layer(x)"),
        ("return self.layer(x)", "nn.ConvTranspose1d(9, 2, 1)", "layer", "self.layer(x)"),
        ("return self.layer(x)", "nn.BatchNorm1d(9)", "layer", "self.layer(x)"),
        ("return self.layer(x)", "nn.GroupNorm(3, 9)", "layer", "self.layer(x)"),
        ("return self.layer(x)", "nn.LayerNorm(9)", "layer", "self.layer(x)"),
        ("return self.layer(x)", "nn.LSTM(9, 2)", "other", "self.layer(x)"),
        ("return self.layer(x)", "nn.AvgPool1d(99)", "shrunk", "self.layer(x)"),
        ("return torch.cat([x, x[:, 1:]], 2)", "None", "concatenation", "torch.cat([x, x[:, 1:]], 2)"),
        ("return x.view(-1, 7)", "None", "other", "x.view(-1, 7)"),
        ("return x @ x", "None", "other", "x @ x"),
    ],
)
def test_kinds_of_faults(forward: str, layer: str, kind: str, source: str, tmp_path: Path) -> None:
    trace = record(tmp_path, net(forward, layer=layer), (2, 4, 12))
    assert errors(trace) == [(kind, source)]


def test_the_fault_of_a_layer_is_blamed_on_the_one_who_hands_over(tmp_path: Path) -> None:
    inner = net("return self.conv(x)", conv="nn.Conv2d(9, 8, 1)").replace("Net", "Inner")
    trace = record(tmp_path, inner + net("x = x * 2\nreturn self.inner(x)", inner="Inner()"), (2, 3, 8, 8))
    assert errors(trace) == [("layer", "self.inner(x)")]


def test_lazy_layers_take_what_they_are_given(tmp_path: Path) -> None:
    layers = {"conv": "nn.LazyConv2d(8, 3)", "norm": "nn.LazyBatchNorm2d()", "fc": "nn.LazyLinear(4)"}
    trace = record(tmp_path, net("return self.fc(self.norm(self.conv(x)).flatten(1))", **layers), (2, 3, 8, 8))
    assert trace.complete
    assert trace.all_faults == ()
    assert trace.output.shape == (2, 4)


@pytest.mark.parametrize("move", ["cuda()", "cpu()", "to('cuda')", "to(torch.device('cuda:0'))", "to(device='cuda')"])
def test_moves_to_other_devices_are_ignored(move: str, tmp_path: Path) -> None:
    trace = record(tmp_path, net(f"return x.{move} + torch.zeros(x.shape, device='cuda')"), (2, 3))
    assert trace.complete
    assert trace.output.device.type == "meta"


def test_tensors_made_in_the_forward_meet_the_inputs(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return x + torch.arange(5) + torch.tensor([1.0])"), (2, 5))
    assert trace.complete
    assert trace.output.shape == (2, 5)


def test_the_calls_of_modules_are_listed_as_they_end(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return self.body(x)", body=f"nn.Sequential({CONV}, nn.ReLU())"), (2, 3, 8, 8))
    assert [call.path for call in trace.calls] == ["body.0", "body.1", "body", ""]


@pytest.mark.parametrize("make", ["torch.zeros(x.shape)", "torch.zeros_like(x)"])
def test_what_is_written_into_a_part_of_a_tensor_belongs_to_it(make: str, tmp_path: Path) -> None:
    body = """
        out = {make}
        out[:, :4] = x[:, 4:]
        out[:, 4:].mul_(x[:, :4])
        return out + 2
    """
    trace = record(tmp_path, net(body.format(make=make)), (2, 8))
    [total] = nodes(trace, "add")
    assert total.activation
    [assigned, *_] = [node for node in trace.nodes if node.in_place]
    assert source_of(assigned) == "out[:, :4]"
    assert depends_on(total, assigned)


def test_what_is_written_through_a_view_belongs_to_the_whole(tmp_path: Path) -> None:
    body = "part = x[:, 4:]\npart.mul_(x[:, :4])\nreturn x + 2"
    [total] = nodes(trace := record(tmp_path, net(body), (2, 8)), "add")
    [product] = nodes(trace, "mul_")
    assert depends_on(total, product)
    assert total.inputs == ((2, 8),)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("kept = x\nx = x.relu_()\nreturn kept + x", ["kept"]),
        ("x = x.relu_()\nkept = x\nreturn kept + x", []),
        ("kept = x\nx.relu_()\nkept = x\nreturn kept + 1", []),
        ("kept = x.clone()\nx = x.relu_()\nreturn kept + x", []),
        ("kept = x.view(-1, 4)\nx = x.relu_()\nreturn kept + 1", ["kept"]),
        ("kept = {'x': x}\nx = x.relu_()\nreturn kept['x'] + x", ["kept"]),
        ("kept = x\nx = x.relu_()\nif x.dim() > 2:\n    kept = torch.abs(x)\nreturn kept + x", ["kept"]),
        ("kept = x\nx = x.relu_()\nif x.dim() > 1:\n    kept = x.contiguous()\nreturn kept + x", []),
        ("for _ in range(3):\n    x = x.relu_()\nreturn x", []),
        ("kept = x\nfor _ in range(2):\n    x = x.mul_(2)\n    y = kept + x\nreturn y", ["kept"]),
    ],
)
def test_who_reads_a_tensor_under_a_name_from_before_its_change(body: str, names: list[str], tmp_path: Path) -> None:
    late = record(tmp_path, net(body), (2, 8)).watch.late_reads
    assert list({read.name for read in late}) == names


def test_an_empty_result_of_a_convolution_is_refused() -> None:
    """Torch 2.4 gives one on meta, where the kernel is larger than the input."""
    with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        refuse_empty_convolution(torch.conv2d, torch.empty(2, 8, 0, 3, device="meta"))
    refuse_empty_convolution(torch.conv2d, torch.empty(0, 8, 1, 1, device="meta"))
    refuse_empty_convolution(torch.relu, torch.empty(2, 8, 0, device="meta"))
