"""Copies a model to the meta device. The copy shares no storage with the model, and takes no memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.overrides import TorchFunctionMode

from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.errors import UsageError

from ..tracer.evaluation_mode import evaluation_mode

_WITHOUT_SHAPE = (UninitializedBuffer, UninitializedParameter)  # in lazy layers before the first call
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}


def meta_copy(model: nn.Module) -> nn.Module:
    """A deep copy on meta, in eval mode, with hooks, parametrizations and tied parameters.

    Removes the wrappers DataParallel, DistributedDataParallel and torch.compile. Raises UsageError if the model cannot
    be copied.
    """
    model = _unwrapped(model)
    _require_plain_layers(model)
    memo: dict[int, Any] = {id(tensor): to_meta(tensor) for tensor in _stored(model)}
    try:
        with _CopiesOnMeta():
            return evaluation_mode(copy.deepcopy(model, memo))
    except Exception as error:
        name = type(model).__name__
        raise UsageError(
            f"{name} cannot be copied: {error_text(error)}; pass its class or a function that constructs it instead"
        ) from error


def to_meta(value: Any) -> Any:
    """A tensor of the same shape, strides and dtype on meta; other values are returned unchanged."""
    if not isinstance(value, torch.Tensor) or isinstance(value, _WITHOUT_SHAPE):
        return value
    with torch.no_grad():
        empty = torch.empty_strided(value.size(), value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, nn.Parameter):
        return nn.Parameter(empty, requires_grad=value.requires_grad)
    return empty.requires_grad_(value.requires_grad and value.is_leaf)


class _CopiesOnMeta(TorchFunctionMode):
    """Makes copies of tensors that are neither parameters nor buffers, such as in attributes, be on meta too."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.Tensor.__deepcopy__, torch.Tensor.clone):
            return to_meta(args[0])
        return func(*args, **(kwargs or {}))


def _stored(model: nn.Module) -> Iterator[torch.Tensor]:
    for module in nn.Module.modules(model):
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and not isinstance(tensor, _WITHOUT_SHAPE):
                yield tensor


def _unwrapped(model: nn.Module) -> nn.Module:
    while (attribute := _WRAPPERS.get(type(model).__name__)) is not None:
        model = getattr(model, attribute)
    return model


def _require_plain_layers(model: nn.Module) -> None:
    if isinstance(model, torch.fx.GraphModule):
        raise UsageError("a GraphModule has generated code only; check the model before torch.fx or torch.export")
    for module in nn.Module.modules(model):
        if isinstance(module, torch.jit.ScriptModule):
            raise UsageError("a scripted model has no Python code to trace; check it before torch.jit.script or trace")
        if {kind.__name__ for kind in type(module).__mro__} & {"FullyShardedDataParallel", "FSDPModule"}:
            raise UsageError("the parameters of a sharded model have no complete shapes; check it before FSDP")
        if ".quantized" in type(module).__module__ and type(module).__module__.startswith("torch."):
            raise UsageError("a quantized model does not run on the meta device; check it before quantization")
