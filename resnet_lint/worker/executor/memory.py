"""Estimates memory before a run, and reports when memory runs out."""

from __future__ import annotations

import math
import os

import torch

from resnet_lint.graph.node import Node
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.errors import UsageError

_SAVE_THEIR_INPUT = ("convolution", "transposed", "linear")


def require_memory(traced: Trace, batch: int, device: torch.device, dtype: torch.dtype) -> None:
    """Raise UsageError if a training step of a traced model cannot fit into the memory of the device.

    This is a lower bound: weights, gradients, inputs, and the activations that convolutions and linear layers save for
    the backward pass. A model that passes may still run out of memory; a model that is rejected would.
    """
    weights = 2 * dtype.itemsize * sum(parameter.numel() for parameter in traced.root.parameters())
    saved = dtype.itemsize * sum(_saved(node) for node in traced.nodes)
    free = available(device)
    if free is not None and weights + saved > free:
        raise UsageError(_too_large(weights, saved, free, batch, device))


def _saved(node: Node) -> int:
    """The number of elements that a node saves for the backward pass."""
    if node.kind == "input":
        return math.prod(node.known_shape)
    inputs = node.inputs
    return math.prod(inputs[0]) if node.kind in _SAVE_THEIR_INPUT and inputs else 0


def available(device: torch.device) -> int | None:
    """The free memory of a device in bytes; None if the system does not report it."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") + _reclaimable()
    except (ValueError, OSError, AttributeError):
        return None


def _reclaimable() -> int:
    """The size of the page cache, which Linux frees on demand."""
    try:
        with open("/proc/meminfo") as lines:
            values = dict(line.split(":", 1) for line in lines)
        return (int(values["MemAvailable"].split()[0]) - int(values["MemFree"].split()[0])) * 1024
    except (OSError, KeyError, ValueError):
        return 0


def _too_large(weights: int, saved: int, free: int, batch: int, device: torch.device) -> str:
    fitting = int((free - weights) / max(saved / batch, 1))
    advice = f"--batch {fitting} may fit" if fitting > 0 else "not even a batch of 1 fits"
    return (
        f"out of memory on {device}: a batch of {batch} needs at least {in_gb(weights + saved)}, and "
        f"{in_gb(free)} is free; {advice}"
    )


def in_gb(size: int) -> str:
    """A number of bytes in MB or GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception is an out-of-memory error of any device."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def out_of_memory_error(batch: int, device: torch.device) -> UsageError:
    """The error to raise when memory ran out during a run."""
    free = available(device)
    now = f", {in_gb(free)} free now" if free is not None else ""
    return UsageError(f"out of memory on {device} with a batch of {batch}{now}; try --batch {max(batch // 2, 1)}")
