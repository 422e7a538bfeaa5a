"""Distributed training under torchrun; without torchrun, a group of one process.

Each batch is split across the processes. The result equals that of one process: gradients are those of the whole batch,
and batch normalization uses its statistics.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce as _all_reduce
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

# Differentiable: the backward pass all-reduces the gradients.
all_reduce: Callable[[Tensor], Tensor] = _all_reduce


class ProcessGroup:
    """The processes of one training: `size` of them; this one has number `rank`."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, indices: Tensor) -> Tensor:
        """The part of a batch for this process."""
        return indices.tensor_split(self.size)[self.rank]

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        value = value.detach().clone()
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def wrapped(self, model: nn.Module, *, all_used: bool) -> nn.Module:
        """The model with gradients and batch statistics synchronised across the group."""
        if self.size == 1:
            return model
        device = next(model.parameters()).device
        if device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        else:
            _synchronise_batch_norm(model)
        return DistributedDataParallel(model, find_unused_parameters=not all_used)


@contextmanager
def process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """The process group that torchrun has started this process in."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup(0, 1)
        return
    distributed.init_process_group(_backend(device))
    try:
        yield ProcessGroup(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()


def _backend(device: torch.device) -> str:
    """NCCL for CUDA, if each process has a device to itself, as NCCL requires; else gloo."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return "nccl" if device.type == "cuda" and processes <= torch.cuda.device_count() else "gloo"


def _synchronise_batch_norm(model: nn.Module) -> None:
    """SyncBatchNorm for the CPU: normalizes by the mean and variance of the whole batch."""
    for module in nn.Module.modules(model):
        if isinstance(module, _BatchNorm):
            module.forward = partial(_normalized, module)  # type: ignore[method-assign]


def _normalized(norm: Any, values: Tensor) -> Tensor:
    if not norm.training:
        return batch_norm(values, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)
    axes = [axis for axis in range(values.dim()) if axis != 1]
    shape = [1, -1, *[1] * (values.dim() - 2)]
    count = all_reduce(torch.tensor(float(values.numel() / values.shape[1])))
    mean = all_reduce(values.sum(axes)) / count
    centred = values - mean.view(shape)
    variance = all_reduce(centred.square().sum(axes)) / count
    if norm.track_running_stats:
        norm.num_batches_tracked.add_(1)
        momentum = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
        norm.running_mean.lerp_(mean.detach(), momentum)
        norm.running_var.lerp_(variance.detach() * count / (count - 1), momentum)
    normal: Tensor = centred * (variance + norm.eps).rsqrt().view(shape)
    return normal if norm.weight is None else torch.addcmul(norm.bias.view(shape), normal, norm.weight.view(shape))
