"""Repeats a forward pass that ended early with real values, to confirm that its error is not specific to meta."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.trace import Trace

from ..tensors import mapped, parameters_of, tensors_in
from .proof import filled
from .trace import innermost, surroundings

# The elements of the parameters, buffers and inputs; activations are larger by a small factor.
_MOST_VALUES = 2**26


def fails_for_real(trace: Trace) -> bool:
    """Whether the model raises an error of the same type in the same line on the CPU, for zeros and for ones.

    False if it runs in training mode: the file may call it so, and `self.training` may decide what is set.
    """
    stop = trace.stop
    if stop is None or stop.point is None or _values(trace) > _MOST_VALUES:
        return False
    for fill in (torch.zeros, torch.ones):
        error = _error(trace, fill)
        point = innermost(error, trace.project) if error is not None else None
        if type(error) is not type(stop.error) or point is None or point.span != stop.point.span:
            return False
    return _error(trace, torch.ones, training=True) is not None


def _values(trace: Trace) -> int:
    root = trace.root
    return sum(
        t.numel() for t in (*parameters_of(root), *nn.Module.buffers(root), *tensors_in([trace.args, trace.kwargs]))
    )


def _error(trace: Trace, fill: Callable[..., torch.Tensor], training: bool = False) -> Exception | None:
    """The exception of a forward pass with these values; None if there is none, or the model cannot be copied."""
    try:
        model = _real(trace.root, fill)
        if training:
            nn.Module.train(model)
        args, kwargs = mapped((trace.args, trace.kwargs), partial(filled, fill))
    except Exception:  # objects of the user that refuse to be copied
        return None
    try:
        with surroundings(gradients=False):
            model(*args, **kwargs)
    except Exception as error:
        return error
    return None


def _real(root: nn.Module, fill: Callable[..., torch.Tensor]) -> nn.Module:
    """A copy of a model on the CPU, whose parameters, buffers and other tensors have these values."""
    model = copy.deepcopy(root)
    for module in nn.Module.modules(model):
        for held in (module._parameters, module._buffers, vars(module)):
            held.update({name: _filled(fill, value) for name, value in held.items() if _holds_tensors(value)})
    return model


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, list, tuple)) and next(tensors_in(value), None) is not None


def _filled(fill: Callable[..., torch.Tensor], value: Any) -> Any:
    real = mapped(value, partial(filled, fill))
    return nn.Parameter(real, requires_grad=False) if isinstance(value, nn.Parameter) else real
