"""Measures the cost of a model: parameters, multiply-adds, memory and latency."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from resnet_lint.shared.records.hardware_run import Cost

from ..torch_quirks.absent_environment import environment_made_up
from ..tracer.trace import recorded
from .confirm import backward
from .device import synchronise
from .model_under_test import ModelUnderTest

_WARM_UPS = 2
_SECONDS = 0.5
_FEWEST_REPEATS, _MOST_REPEATS = 5, 200  # blocks of several calls would hide the spread


def cost(tested: ModelUnderTest, *, runs: bool) -> Cost:
    """The cost of a model; if it does not run, only the number of parameters and multiply-adds."""
    counted = Cost(
        parameters=sum(parameter.numel() for parameter in tested.model.parameters()),
        multiply_adds=_multiply_adds(tested),
    )
    if not runs:
        return counted
    peak = _peak_memory(tested)
    seconds = _time_forward(tested)
    first, median, third = statistics.quantiles(seconds, n=4)
    return replace(
        counted,
        peak_bytes=peak,
        latency=median,
        spread=third - first,
        repeats=len(seconds),
        warm_ups=_WARM_UPS,
        samples_per_second=tested.setup.batch / median,
    )


def _multiply_adds(tested: ModelUnderTest) -> int:
    """Multiply-adds of a forward pass per sample, counted on meta as half the FLOPs; failing additions are skipped."""
    traced = tested.trace
    with environment_made_up(), FlopCounterMode(display=False) as counter:
        recorded(traced.root, traced.args, traced.kwargs, tested.project, traced.preferred_branch)
    return int(counter.get_total_flops() // 2 // tested.setup.batch)


def _peak_memory(tested: ModelUnderTest) -> int | None:
    """Peak bytes of the weights and a training step; None on devices that do not report it."""

    def step() -> None:
        with tested.training_mode():
            backward(tested.outputs(), tested.seed)

    if tested.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(tested.device)
        step()
        return torch.cuda.max_memory_allocated(tested.device)
    if tested.device.type == "cpu":
        tensors = (*tested.model.parameters(), *tested.model.buffers())
        return sum(tensor.nbytes for tensor in tensors) + peak_on_cpu(step)
    return None


def peak_on_cpu(step: Callable[[], None]) -> int:
    """The maximum of the profiler's running total of allocated minus freed bytes during a step."""
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


def _time_forward(tested: ModelUnderTest) -> list[float]:
    """The seconds of each forward pass in eval mode, after warm-up runs."""
    tested.model.eval()

    def forward() -> None:
        with torch.inference_mode():
            tested.outputs()
        synchronise(tested.device)

    for _ in range(_WARM_UPS):
        forward()
    seconds: list[float] = []
    while len(seconds) < _FEWEST_REPEATS or (sum(seconds) < _SECONDS and len(seconds) < _MOST_REPEATS):
        began = time.perf_counter()
        forward()
        seconds.append(time.perf_counter() - began)
    return seconds
