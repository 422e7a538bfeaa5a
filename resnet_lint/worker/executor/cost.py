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
from .subject import Subject

_WARM_UPS = 2
_SECONDS = 0.5


def cost(subject: Subject, *, runs: bool) -> Cost:
    """The cost of a model; of one that does not run, only what can be counted without running it."""
    counted = Cost(
        parameters=sum(each.numel() for each in subject.model.parameters()), multiply_adds=_arithmetic(subject)
    )
    if not runs:
        return counted
    peak = _peak_memory(subject)
    median, spread = _latency(subject)
    return Cost(counted.parameters, counted.multiply_adds, peak, median, spread, subject.record.batch / median)


def _arithmetic(subject: Subject) -> int:
    """Multiply-adds of a forward for one sample; torch counts two FLOPs for each. Faulty additions are passed over."""
    traced = subject.trace
    with FlopCounterMode(display=False) as counter:
        recorded(traced.root, traced.args, traced.kwargs, subject.project, traced.preferred_branch)
    return int(counter.get_total_flops() // 2 // subject.record.batch)


def _peak_memory(subject: Subject) -> int | None:
    """The most bytes that the weights and a forward and backward hold at a time; None where nobody counts them."""

    def step() -> None:
        with subject.practice():
            backward(subject.outputs(), subject.seed)

    if subject.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(subject.device)
        step()
        return torch.cuda.max_memory_allocated(subject.device)
    if subject.device.type == "cpu":
        tensors = (*subject.model.parameters(), *subject.model.buffers())
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


def _latency(subject: Subject) -> tuple[float, float]:
    """Seconds of a forward in evaluation mode: the median, and the range of the middle half."""
    subject.model.eval()

    def forward() -> None:
        with torch.inference_mode():
            subject.outputs()
        synchronise(subject.device)

    for _ in range(_WARM_UPS):
        forward()
    timer = Timer("forward()", globals={"forward": forward}, num_threads=torch.get_num_threads())
    measured = timer.blocked_autorange(min_run_time=_SECONDS)
    return measured.median, measured.iqr
