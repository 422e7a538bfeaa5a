"""What a model costs: parameters, arithmetic, memory and time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from resnet_lint.shared.records.hardware_run import Cost

from ..tracer.trace import recorded
from .confirm import backward
from .device import synchronise
from .model_under_test import ModelUnderTest

_WARM_UPS = 2
_SECONDS = 0.5


def cost(tested: ModelUnderTest, *, runs: bool) -> Cost:
    """The cost of a model; of one that does not run, only what can be counted without running it."""
    counted = Cost(
        parameters=sum(each.numel() for each in tested.model.parameters()), multiply_adds=_arithmetic(tested)
    )
    if not runs:
        return counted
    peak = _peak_memory(tested)
    median, spread = _latency(tested)
    return Cost(counted.parameters, counted.multiply_adds, peak, median, spread, tested.setup.batch / median)


def _arithmetic(tested: ModelUnderTest) -> int:
    """Multiply-adds of a forward for one sample; torch counts two FLOPs for each. Faulty additions are passed over."""
    traced = tested.trace
    with FlopCounterMode(display=False) as counter:
        recorded(traced.root, traced.args, traced.kwargs, tested.project, traced.preferred_branch)
    return int(counter.get_total_flops() // 2 // tested.setup.batch)


def _peak_memory(tested: ModelUnderTest) -> int | None:
    """The most bytes that the weights and a forward and backward hold at a time; None where nobody counts them."""

    def step() -> None:
        with tested.training_mode():
            backward(tested.outputs(), tested.seed)

    if tested.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(tested.device)
        step()
        return torch.cuda.max_memory_allocated(tested.device)
    if tested.device.type == "cpu":
        tensors = (*tested.model.parameters(), *tested.model.buffers())
        return sum(tensor.nbytes for tensor in tensors) + _peak_on_cpu(step)
    return None


def _peak_on_cpu(step: Callable[[], None]) -> int:
    """The profiler's running total of what is allocated and freed inside a step, at its highest."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiled.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    peak = held = 0
    for event in events:
        if event.get("name") == "[memory]":
            held += event["args"]["Bytes"]
            peak = max(peak, held)
    return peak


def _latency(tested: ModelUnderTest) -> tuple[float, float]:
    """Seconds of a forward in evaluation mode: the median, and the range of the middle half."""
    tested.model.eval()

    def forward() -> None:
        with torch.inference_mode():
            tested.outputs()
        synchronise(tested.device)

    for _ in range(_WARM_UPS):
        forward()
    timer = Timer("forward()", globals={"forward": forward}, num_threads=torch.get_num_threads())
    measured = timer.blocked_autorange(min_run_time=_SECONDS)
    return measured.median, measured.iqr
