"""Forecasts the memory of a training step from one on meta, whose tensors live as long as those of a real one."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.records.model_trace import TrainingMemory

from ..process.file_clock import Clock
from ..process.limits import TimeUp
from ..tensors import parameters_of, tensors_in
from ..tracer.evaluation_mode import evaluation_mode
from ..tracer.trace import forward_for_training


def training_memory(trace: Trace, clock: Clock) -> TrainingMemory:
    """The memory of a step with AdamW, at the batch size of a trace; with a `doubt` if the step is not possible."""
    if trace.trouble != (0, 0):
        return TrainingMemory(doubt="the forward pass fails")
    try:
        with clock.left(), _in_training(trace.root):
            return _of_step(trace)
    except TimeUp as error:
        return TrainingMemory(doubt=clock.why(error))
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # from the user's forward, or autograd on meta
        return TrainingMemory(doubt=error_text(error))


@contextmanager
def _in_training(root: torch.nn.Module) -> Iterator[None]:
    try:
        root.train()
        yield
    finally:
        evaluation_mode(root).zero_grad(set_to_none=True)


def _of_step(trace: Trace) -> TrainingMemory:
    stored = {
        tensor.untyped_storage()._cdata: tensor
        for tensor in (*parameters_of(trace.root), *torch.nn.Module.buffers(trace.root))
    }
    weights = sum(tensor.untyped_storage().nbytes() for tensor in stored.values())
    held = _Held(frozenset(stored))
    with held, _AttentionOfCPU():
        output = forward_for_training(trace)
        activations = held.bytes
        differentiable = [tensor for tensor in tensors_in(output) if tensor.requires_grad]
        torch.autograd.backward(differentiable, [torch.ones_like(tensor) for tensor in differentiable])
    trained = [tensor for tensor in parameters_of(trace.root) if tensor.grad is not None]
    gradients = sum(tensor.nbytes for tensor in trained)
    state = 2 * gradients  # the two moments of AdamW
    # AdamW updates one parameter after the other, with two temporary tensors of its size.
    updating = held.bytes + 2 * max((tensor.nbytes for tensor in trained), default=0)
    peak = weights + state + max(held.peak, updating)
    return TrainingMemory(batch_of(trace), weights, gradients, state, activations, peak)


def batch_of(trace: Trace) -> int:
    return next((tensor.shape[0] for tensor in tensors_in([trace.args, trace.kwargs]) if tensor.dim()), 1)


class _Held(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, without those of some known storages."""

    def __init__(self, known: frozenset[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.peak = 0
        self._known: dict[int, Any] = dict.fromkeys(known)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default and any(map(_in_channels_last, args[:2])):
            result = torch.empty_like(result, memory_format=torch.channels_last)  # meta forgets it, the CPU does not
        for tensor in tensors_in(result):
            self._note(tensor)
        if func is torch.ops.aten.convolution_backward.default:
            self.peak = max(self.peak, self.bytes + _workspace(*args))
        return result

    def _note(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known[key] = weakref.ref(storage, lambda _: self._freed(key, size))
        self.bytes += size
        self.peak = max(self.peak, self.bytes)

    def _freed(self, key: int, size: int) -> None:
        del self._known[key]
        self.bytes -= size


def _workspace(gradient: torch.Tensor, image: torch.Tensor, weight: torch.Tensor, *_: object) -> int:
    """The bytes that oneDNN allocates for the backward pass of a convolution, for kernels that need many."""
    if image.dtype != torch.float32 or weight.dim() != 4:
        return 0
    return max(_of_wide_depthwise(image, weight), _of_unfolding(gradient, image, weight))


# The floats of a vector register, by the instructions that torch uses.
_VECTOR = {"AVX512": 16, "AVX2": 8}


def _of_wide_depthwise(image: torch.Tensor, weight: torch.Tensor) -> int:
    """The workspace of a wide depthwise convolution in channels-last memory.

    A kernel of more than 3 columns has no depthwise implementation there: the general one pads the only channel of each
    group to a whole vector, of the input as of the output. ConvNeXt's 7x7 kernels need 256 times their weights.
    """
    if not _in_channels_last(image) or weight.shape[:2] != (image.shape[1], 1) or weight.shape[3] <= 3:
        return 0
    return _VECTOR.get(torch.backends.cpu.get_cpu_capability(), 0) ** 2 * weight.nbytes


_WIDEST_KERNEL = 14


def _of_unfolding(gradient: torch.Tensor, image: torch.Tensor, weight: torch.Tensor) -> int:
    """The workspace of a kernel with more columns than oneDNN has fast code for, such as that of a patch embedding.

    Each thread takes some of the samples. It unfolds one at a time into the patches that the kernel is applied to, and
    sums the gradient of the weights in a buffer of four times their size.
    """
    if weight.shape[3] <= _WIDEST_KERNEL or weight.shape[1] == 1:
        return 0
    patches = weight[0].nbytes * gradient.shape[2] * gradient.shape[3]
    return min(image.shape[0], os.cpu_count() or 1) * (4 * weight.nbytes + patches)


def _in_channels_last(tensor: torch.Tensor) -> bool:
    return tensor.dim() == 4 and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


class _AttentionOfCPU(TorchFunctionMode):
    """Computes attention as the CPU does, in blocks; on meta, it would keep the whole matrix of attention weights."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if func is F.scaled_dot_product_attention and _is_in_blocks(*args, **named):
            return _in_blocks(*args, **named)
        return func(*args, **named)


def _is_in_blocks(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0, *_: object, **__: object,
) -> bool:  # fmt: skip
    same = query.dim() == key.dim() == value.dim() == 4 and query.shape[-1] == value.shape[-1]
    return (
        same and query.shape[1] == key.shape[1] and not dropout_p and (attn_mask is None or not attn_mask.requires_grad)
    )


def _in_blocks(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, **_: object,
) -> torch.Tensor:  # fmt: skip
    result: torch.Tensor = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale
    )[0]
    return result
