"""Memory: whether a model can fit at all, found out before it is tried, and what to say where it did not."""

from __future__ import annotations

import math
import os

import torch

from resnet_lint.graph.node import Node
from resnet_lint.shared.errors import UsageError

from ..tracer.trace import Trace

_SAVE_THEIR_INPUT = ("convolution", "transposed", "linear")


def require_memory(traced: Trace, batch: int, device: torch.device, dtype: torch.dtype) -> None:
    """Raise UsageError where a training step of a traced model cannot fit into the device's memory.

    Counted is only what is sure to be held: the weights with their gradients, the inputs, and what convolutions and
    linear layers save for the backward pass. So a model that is let through may still be too large, and one that is
    refused is.
    """
    weights = 2 * dtype.itemsize * sum(parameter.numel() for parameter in traced.root.parameters())
    saved = dtype.itemsize * sum(_saved(node) for node in traced.nodes)
    there = available(device)
    if there is not None and weights + saved > there:
        raise UsageError(_too_large(weights, saved, there, batch, device))


def _saved(node: Node) -> int:
    """The number of values that a node holds until the backward pass."""
    if node.kind == "input":
        return math.prod(node.known_shape)
    inputs = node.inputs
    return math.prod(inputs[0]) if node.kind in _SAVE_THEIR_INPUT and inputs else 0


def available(device: torch.device) -> int | None:
    """The bytes that are free on a device now; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") + _reclaimable()
    except (ValueError, OSError, AttributeError):
        return None


def _reclaimable() -> int:
    """The page cache, which Linux gives back when a program asks for memory."""
    try:
        with open("/proc/meminfo") as lines:
            values = dict(line.split(":", 1) for line in lines)
        return (int(values["MemAvailable"].split()[0]) - int(values["MemFree"].split()[0])) * 1024
    except (OSError, KeyError, ValueError):
        return 0


def _too_large(weights: int, saved: int, there: int, batch: int, device: torch.device) -> str:
    fitting = int((there - weights) / max(saved / batch, 1))
    advice = f"--batch {fitting} may fit" if fitting > 0 else "not even a batch of 1 fits"
    return (
        f"out of memory on {device}: a batch of {batch} needs at least {in_gb(weights + saved)}, and there are "
        f"{in_gb(there)}; {advice}"
    )


def in_gb(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is torch's for lack of memory, on whatever device."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def out_of_memory_error(batch: int, device: torch.device) -> UsageError:
    """What to raise where memory ran out all the same."""
    there = available(device)
    free = f", and {in_gb(there)} are free now" if there is not None else ""
    return UsageError(f"out of memory on {device} with a batch of {batch}{free}; try --batch {max(batch // 2, 1)}")
