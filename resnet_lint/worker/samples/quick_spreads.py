"""Derives the dyes of all results of a call from their shapes, where there are several or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..tracer.torch_functions import plain_name
from .experiment import Spread
from .quick_calls import Dyed

Spreads = list[Spread] | None


def quick_spreads(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, made: int) -> Spreads:
    """The dyes of the `made` results of a call; None if it requires an experiment."""
    name = plain_name(func)
    if name in _NEW:
        return [Spread(None)] * made
    if name == "multi_head_attention_forward":
        return _attention(args, kwargs, dyed, made)
    if name in _PARTS:
        return _parts(name, args, kwargs, dyed, made)
    return _recurrent(func, args, kwargs, dyed, made)


def _attention(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, made: int) -> Spreads:
    """Attention that gets (sequence, batch, features), as it expects: the result, and weights of (batch, ...)."""
    sizes = {tuple(owners.shape) for _, owners in dyed}
    of_operands = all(any(tensor is operand for operand in args[:3]) for tensor, _ in dyed)
    if not of_operands or len(sizes) != 1 or any(not torch.equal(owners, dyed[0][1]) for _, owners in dyed):
        return None
    [size] = sizes
    if len(size) != 3 or size[0] > 1 or size[2] > 1:
        return None
    owners = dyed[0][1]
    return [Spread(owners), Spread(owners.reshape([-1, 1, 1]))][:made]


def _parts(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, made: int) -> Spreads:
    """Parts along another axis than that of the samples."""
    tensor, owners = dyed[0]
    place = 1 if name == "unbind" else 2
    axis = kwargs.get("dim", args[place] if len(args) > place else 0)
    if len(dyed) > 1 or owners.dim() != tensor.dim() or type(axis) is not int or owners.shape[axis] > 1:
        return None
    return [Spread(owners.select(axis, 0) if name == "unbind" else owners)] * made


def _recurrent(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, made: int) -> Spreads:
    """The dyes of the sequence and the states that a recurrent layer returns; None for other calls.

    The layers are often too large for an experiment.
    """
    name, (tensor, owners) = str(getattr(func, "__name__", "")), dyed[0]
    if name not in _RECURRENT or len(args) != 9 or tensor is not args[0] or tensor.dim() != 3 or max(owners.shape) < 2:
        return None
    states = 2 if name == "lstm" else 1
    if owners.shape[0 if args[8] else 1] < 2:
        return [Spread(None, mixed=True)] * (1 + states)
    return [Spread(owners), *[Spread(owners.reshape([1, -1, 1]))] * states]


_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
_PARTS = frozenset({"unbind", "chunk", "split", "tensor_split"})
_NEW = frozenset({"new_zeros", "new_ones", "new_empty", "zeros_like", "ones_like", "empty_like"})
