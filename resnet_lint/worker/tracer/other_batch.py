"""Traces a model again with another batch size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from resnet_lint.graph.model import Model, OtherBatch
from resnet_lint.graph.trace import Trace

from ..tensors import mapped, tensors_in
from .trace import trace


def at_other_batch(model: Model) -> OtherBatch | None:
    """Trace a model again with another batch size; None if its inputs have no common batch size."""
    first = _batch_of(model.trace)
    if first is None:
        return None
    batch = 2 if first == 1 else 1
    args, kwargs = mapped((model.trace.args, model.trace.kwargs), lambda value: _with_batch(value, batch))
    return OtherBatch(replace(model, trace=trace(model.root, args, kwargs, model.project)), first, batch)


def _batch_of(first: Trace) -> int | None:
    """The size of the first dimension, if it is the same for all inputs; else None."""
    shapes = [tuple(tensor.shape) for tensor in tensors_in([first.args, first.kwargs])]
    sizes = {shape[0] if shape else 0 for shape in shapes}
    return sizes.pop() if len(sizes) == 1 and 0 not in sizes else None


def _with_batch(value: Any, batch: int) -> Any:
    return value.new_empty((batch, *value.shape[1:])) if isinstance(value, torch.Tensor) else value
