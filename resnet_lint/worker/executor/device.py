"""Which device and which dtype a model runs on."""

from __future__ import annotations

import os

import torch

from resnet_lint.shared.errors import UsageError


def device_of(name: str) -> torch.device:
    """The device of that name; for `auto`, CUDA before MPS before the CPU. Raises UsageError where there is none."""
    if name in ("auto", "cuda") and _present()[0] == "cuda":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))  # torchrun gives each process its own
    if name == "auto":
        return torch.device(_present()[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device: {name!r} is no device; {_choice()}") from None
    if device.type not in _present():
        raise UsageError(f"--device: this torch ({torch.__version__}) finds no {device.type} here; {_choice()}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise UsageError(f"--device: there is no {name}; the CUDA devices are cuda:0 to cuda:{last}")
    return device


def _present() -> list[str]:
    """The kinds of devices of this machine that torch can use, the fastest first."""
    kinds = ["cuda"] if torch.cuda.is_available() else []
    kinds += ["mps"] if torch.backends.mps.is_available() else []
    return [*kinds, "cpu"]


def _choice() -> str:
    return f"choose from auto, {', '.join(_present())}"


def dtype_of(name: str) -> torch.dtype:
    """The floating dtype of that name, such as `float32`."""
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all it was told; the CPU has by then."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
