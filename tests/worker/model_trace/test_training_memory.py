"""The forecast memory of a training step, compared with the allocations of a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tracing import net, record

from resnet_lint.worker.executor.cost import peak_on_cpu
from resnet_lint.worker.model_trace.training_memory import training_memory
from resnet_lint.worker.process.file_clock import Clock

NETS = {
    "a residual block": net(
        "return x + self.b(self.n(self.a(x)).relu())",
        a="nn.Conv2d(8, 64, 3, padding=1)", n="nn.BatchNorm2d(64)", b="nn.Conv2d(64, 8, 3, padding=1)",
    ),
    "a wide depthwise convolution in channels-last memory": net(
        "return self.b(self.n(self.a(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))",
        a="nn.Conv2d(8, 64, 1)", n="nn.LayerNorm(64)", b="nn.Conv2d(64, 64, 7, padding=3, groups=64)",
    ),
    "a kernel of 32 columns": net("return self.a(x)", a="nn.Conv2d(8, 64, 32, stride=32)"),
    "large weights": net("return self.b(self.a(x.mean((1, 2))))", a="nn.Linear(64, 2000)", b="nn.Linear(2000, 64)"),
}  # fmt: skip


@pytest.mark.parametrize("source", NETS.values(), ids=NETS)
def test_the_peak_is_within_a_twentieth_of_the_measured_one(tmp_path: Path, source: str) -> None:
    trace = record(tmp_path, source, (2, 8, 64, 64))
    memory = training_memory(trace, Clock(60))
    assert memory.doubt is None
    model, image = trace.root.to_empty(device="cpu").train(), torch.zeros(2, 8, 64, 64)
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> None:
        output = model(image)
        output.backward(torch.ones_like(output))
        optimizer.step()

    step()
    optimizer.zero_grad()
    kept = memory.weights + memory.optimizer_state + image.nbytes
    assert memory.peak == pytest.approx(kept + peak_on_cpu(step), rel=0.05)


def test_a_step_leaves_no_gradient_and_eval_mode(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return self.a(x)", a="nn.Linear(4, 4)"), (2, 4))
    assert training_memory(trace, Clock(60)).peak
    assert not trace.root.training
    assert all(parameter.grad is None for parameter in trace.root.parameters())


def test_attention_is_computed_in_blocks(tmp_path: Path) -> None:
    forward = "x = self.a(x)\nreturn F.scaled_dot_product_attention(x, x, x)"
    trace = record(tmp_path, net(forward, a="nn.Linear(8, 8)"), (1, 1, 2048, 8))
    assert training_memory(trace, Clock(60)).peak < 2048 * 2048 * 4, "less than the matrix of attention weights"
