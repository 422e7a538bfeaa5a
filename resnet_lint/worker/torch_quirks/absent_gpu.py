"""Substitutes for `torch.cuda` where a forward or a script measures, overlaps or names what runs on a GPU.

They leave shapes alone: an event measures a millisecond, a stream runs nothing, and a range of a profiler has no name.
A machine with a GPU gets them too, as CUDA cannot be used in a forked process. A check sees no GPU anywhere, so that
its verdict is that of a laptop or of CI. A process that uses CUDA itself, as `run` does, sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from .constant import constant

_MEMORY = 16 * 2**30
_PROPERTIES = {"name": "", "major": 8, "minor": 0, "total_memory": _MEMORY, "multi_processor_count": 108}


def substitutes() -> Iterator[tuple[Any, str, Any]]:
    """What to replace: owner, name and replacement."""
    for name in _TENSOR_TYPES:
        yield torch.cuda, f"{name}Tensor", getattr(torch, f"{name}Tensor")
    for name in ("Event", "Stream", "ExternalStream"):
        yield torch.cuda, name, type(name, (_OnGpu,), {})
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        yield from ((torch.cuda, name, constant(value)) for name, value in _NO_GPU.items())
    yield nn.DataParallel, "__init__", _one_replica
    for owner, names in _EFFECTS.items():
        yield from ((owner, name, constant()) for name in names)
    for name, value in _ANSWERS.items():
        yield torch.cuda, name, constant(value)
    for name in ("current_stream", "default_stream"):
        yield torch.cuda, name, lambda *args, **kwargs: _OnGpu()
    for owner, name in ((torch.cuda, "stream"), (torch.cuda, "device"), (torch.cuda.nvtx, "range")):
        yield owner, name, lambda *args, **kwargs: nullcontext()
    yield torch.Tensor, "record_stream", constant()


def _one_replica(wrapper: nn.DataParallel[nn.Module], module: nn.Module, *args: Any, **kwargs: Any) -> None:
    """What `nn.DataParallel` does on a machine without a GPU: its forward calls the module itself."""
    wrap(wrapper, module)
    wrapper.device_ids = []


def wrap(wrapper: nn.Module, module: nn.Module, *args: Any, **kwargs: Any) -> None:
    """The constructor of a wrapper that only keeps its module."""
    nn.Module.__init__(wrapper)
    wrapper.module = module


class _OnGpu:
    """A CUDA event or stream whose methods do nothing; queries report completed work."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def query(self) -> bool:
        return True

    def elapsed_time(self, end_event: Any) -> float:
        return 1.0

    def record_event(self, event: Any = None) -> Any:
        return event or _OnGpu()

    def record(self, *args: Any) -> None:
        pass

    wait = wait_event = wait_stream = synchronize = record


_TENSOR_TYPES = ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Bool")
_NO_GPU = {"is_available": False, "device_count": 0}
_EFFECTS = {
    torch.cuda: (
        *("set_device", "synchronize", "init", "ipc_collect", "set_per_process_memory_fraction"),
        *("reset_peak_memory_stats", "reset_max_memory_allocated", "reset_accumulated_memory_stats"),
    ),
    torch.cuda.nvtx: ("range_push", "range_pop", "mark", "range_start", "range_end"),
    torch.cuda.profiler: ("start", "stop"),
}
_ANSWERS = {
    "current_device": 0,
    "get_device_name": "",
    "get_device_capability": (8, 0),
    "get_device_properties": SimpleNamespace(**_PROPERTIES),
    "mem_get_info": (_MEMORY, _MEMORY),
    "memory_summary": "",
    "initial_seed": 0,
    "can_device_access_peer": False,
    "is_current_stream_capturing": False,
    "utilization": 0,
}
