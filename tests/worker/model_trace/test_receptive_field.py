"""Receptive fields, compared with the part of the input that has a gradient."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from tracing import net, record

from resnet_lint.graph.trace import Trace
from resnet_lint.worker.model_trace.channels import channel_axes
from resnet_lint.worker.model_trace.receptive_field import Field, receptive_field

SIZE = 64
CONV = "nn.Conv2d(4, 4, 3, padding=1)"
NETS = {
    "a skip connection keeps the longer path": net("return x + self.b(self.a(x))", a=CONV, b=CONV),
    "strides, dilation, and an even kernel": net(
        "return self.b(self.a(x))", a="nn.Conv2d(4, 4, 4, 2, 1)", b="nn.Conv2d(4, 4, 3, padding=2, dilation=2)"
    ),
    "pooling and a projection": net("return self.b(self.a(x)) + self.p(x)", a="nn.AvgPool2d(3, 2, 1)", b=CONV,
                                    p="nn.Conv2d(4, 4, 1, stride=2)"),
    "a U-Net": net("return torch.cat([x, self.up(self.a(F.avg_pool2d(x, 2)))], 1)", a=CONV,
                   up="nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1)"),
    "resizing": net("return F.interpolate(self.a(F.avg_pool2d(x, 2)), scale_factor=2, mode='bilinear')", a=CONV),
    "channels last": net("return self.a(x.permute(0, 2, 3, 1).mul(2).permute(0, 3, 1, 2))", a=CONV),
    "padding and slices": net("return self.a(F.pad(x, (3, 1, 2, 1)))[:, :, 1:, ::2]", a="nn.Conv2d(4, 4, 3)"),
    "parts of the channels": net("a, b = x.chunk(2, 1)\nreturn torch.cat([self.a(a), b], 1)",
                                 a="nn.Conv2d(2, 2, 5, padding=2)"),
    "one axis": net("return self.a(x)", a="nn.Conv2d(4, 4, (1, 7), padding=(0, 3))"),
    "a gate sees the whole image": net("return x * torch.sigmoid(self.a(x.mean((2, 3), keepdim=True)))",
                                       a="nn.Conv2d(4, 4, 1)"),
    "a pooling of all that is read, without the last row and column":
        net("return self.a(x).mean((2, 3), keepdim=True)", a="nn.Conv2d(4, 4, 3, stride=2)"),
    "a pooling of a part": net("return x[:, :, 3:, 1:-1].mean((2, 3), keepdim=True)"),
    "a group normalization too": net("return self.a(x)", a="nn.GroupNorm(2, 4)"),
}  # fmt: skip


def forecast(trace: Trace) -> Field | None:
    [output] = trace.results[next(call for call in trace.calls if not call.path)]
    return receptive_field(output, channel_axes(trace.nodes))


def measured(model: nn.Module) -> Field:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.1)
    image = torch.rand(1, 4, SIZE, SIZE, requires_grad=True)
    output: Tensor = model(image)
    [gradient] = torch.autograd.grad(output[0, :, output.shape[2] // 2, output.shape[3] // 2].square().sum(), image)
    reached = (gradient[0] != 0).any(0)
    rows, columns = (reached.any(1 - axis).nonzero() for axis in (0, 1))
    return (int(rows.min()), int(rows.max())), (int(columns.min()), int(columns.max()))


@pytest.mark.parametrize("source", NETS.values(), ids=NETS)
def test_the_field_is_where_the_input_has_a_gradient(tmp_path: Path, source: str) -> None:
    trace = record(tmp_path, source, (1, 4, SIZE, SIZE))
    assert forecast(trace) == measured(trace.root.to_empty(device="cpu").eval())


@pytest.mark.parametrize(
    "forward",
    ["return x.softmax(2)", "return x.roll(3, 2)", "return x @ x", "return torch.cat([x, x], 2)", "return x.flip(3)"],
)
def test_calls_that_move_or_mix_positions_are_unknown(tmp_path: Path, forward: str) -> None:
    assert forecast(record(tmp_path, net(f"x = self.a(x)\n{forward}", a=CONV), (1, 4, SIZE, SIZE))) is None
