"""Which axis of a tensor is which axis of the inputs, and which axes have to be one."""

from __future__ import annotations

from pathlib import Path

from tracing import net, record

from resnet_lint.graph.axes import Axes, batch_of
from resnet_lint.graph.meetings import meeting_at
from resnet_lint.graph.trace import Trace
from resnet_lint.worker.axes.find_axes import find_axes


def axes_of(trace: Trace, folder: Path) -> Axes:
    return find_axes(trace)


def carried(trace: Trace, axes: Axes, name: str) -> list[list[str]]:
    """What each axis of the first call of a function carries, in words."""
    node = next(node for node in trace.nodes if node.function == name)
    return [sorted(axis.text for axis in carried) for carried in axes.of(node)]


def test_the_axes_of_an_image_are_known_behind_layers_and_views(tmp_path: Path) -> None:
    body = "x = self.conv(x)\nreturn x.flatten(2).transpose(1, 2)"
    trace = record(tmp_path, net(body, conv="nn.Conv2d(3, 8, 3, stride=2)"), (2, 3, 16, 24))
    axes = axes_of(trace, tmp_path)
    batch, height, width = "the batch of x (dim 0)", "the height of x (dim 2)", "the width of x (dim 3)"
    assert carried(trace, axes, "conv2d") == [[batch], [], [height], [width]]
    assert carried(trace, axes, "transpose") == [[batch], [height, width], []]


def test_a_square_image_has_one_size(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return self.conv(x)", conv="nn.Conv2d(3, 8, 3)"), (2, 3, 16, 16))
    square = "the height and width of x"
    assert carried(trace, axes_of(trace, tmp_path), "conv2d") == [["the batch of x (dim 0)"], [], [square], [square]]


def test_a_layer_that_is_built_for_a_size_ends_the_trace(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return self.fc(x)", fc="nn.Linear(8, 4)"), (2, 8))
    axes = axes_of(trace, tmp_path)
    batch, features = axes.inputs
    assert axes.is_free(batch) and not axes.is_free(features)
    [run] = [altered for altered in axes.altered if altered.axis is features]
    assert run.refusal is not None
    meeting = meeting_at(run.refusal)
    assert meeting is not None
    assert (meeting.changed, meeting.kept, meeting.kept_operand.kind) == ((0, 1), (1, 1), "stored")


def test_a_call_that_fails_with_more_axes_has_no_meeting(tmp_path: Path) -> None:
    trace = record(
        tmp_path, net("return x.squeeze(1).transpose(0, 1) @ self.w", w="nn.Parameter(torch.zeros(8, 5))"), (8, 1, 2)
    )
    refusals = [run.refusal for run in axes_of(trace, tmp_path).altered if run.refusal is not None]
    assert (3, 8, 2) in [refusal.inputs[0] for refusal in refusals]
    assert [meeting_at(refusal) for refusal in refusals if len(refusal.inputs[0]) == 3] == [None]


def test_two_axes_that_met_by_chance_are_told_apart(tmp_path: Path) -> None:
    body = "x = self.fc(x)\nreturn x + x.transpose(1, 2)"
    trace = record(tmp_path, net(body, fc="nn.Linear(8, 8)"), (2, 8, 8))
    refusals = [run.refusal for run in axes_of(trace, tmp_path).altered if run.refusal is not None]
    assert {refusal.node.function for refusal in refusals} == {"add", "linear"}


def test_the_batch_is_where_the_layers_have_it(tmp_path: Path) -> None:
    for batch_first, dim in ((True, 0), (False, 1)):
        layers = net("return self.rnn(x)[0]", rnn=f"nn.LSTM(8, 8, batch_first={batch_first})")
        trace = record(tmp_path, layers, (3, 5, 8))
        batch = batch_of(axes_of(trace, tmp_path), trace.calls, trace.nodes)
        assert batch is not None
        assert [place[1] for place in batch.places] == [dim]


def test_axes_are_known_behind_a_path_that_differs_at_another_size(tmp_path: Path) -> None:
    body = """
    table = self.table if x.shape[1] == 9 else self.table[:, :1].expand(-1, x.shape[1], -1)
    return self.fc(x + table).transpose(1, 2)
    """
    layers = net(body, table="nn.Parameter(torch.zeros(1, 9, 8))", fc="nn.Linear(8, 5)")
    trace = record(tmp_path, layers, (2, 9, 8))
    axes = axes_of(trace, tmp_path)
    assert carried(trace, axes, "transpose") == [["dim 0 of x"], [], ["dim 1 of x"]]
