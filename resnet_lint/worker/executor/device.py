"""Selects the device and dtype."""

from __future__ import annotations

import os

import torch

from resnet_lint.shared.errors import UsageError


def device_of(name: str) -> torch.device:
    """The device of a name; `auto` prefers CUDA, then MPS, then the CPU. Raises UsageError if it is not available.

    The processes of torchrun take the CUDA devices in turn.
    """
    if name in ("auto", "cuda") and _available()[0] == "cuda":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    if name == "auto":
        return torch.device(_available()[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device: {name!r} is not a device; {_choice()}") from None
    if device.type not in _available():
        raise UsageError(f"--device: {device.type} is not available to torch {torch.__version__}; {_choice()}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise UsageError(f"--device: no such device: {name}; the CUDA devices are cuda:0 to cuda:{last}")
    return device


def _available() -> list[str]:
    """The device types that torch can use on this machine, fastest first."""
    types = ["cuda"] if torch.cuda.is_available() else []
    types += ["mps"] if torch.backends.mps.is_available() else []
    return [*types, "cpu"]


def _choice() -> str:
    return f"choose from auto, {', '.join(_available())}"


def use(device: torch.device) -> None:
    """Initialise a CUDA device, so that the code of the model sees it while the prediction is made too."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]


def dtype_of(name: str) -> torch.dtype:
    """The dtype of a name such as `float32`."""
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def synchronise(device: torch.device) -> None:
    """Wait for all queued kernels; a no-op on the CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
