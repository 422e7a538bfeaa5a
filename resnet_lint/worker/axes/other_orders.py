"""Traces a part of a model with one of its permutations in another order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from resnet_lint.graph.model import Model
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.permutations import PERMUTATIONS
from resnet_lint.graph.source_places import Point, caller, point
from resnet_lint.graph.trace import Trace

from ..tensors import mapped
from ..tracer.trace import recorded
from .alter_sizes import FirstFault


class _InOrder(FirstFault):
    """A recorder that permutes the dimensions in an order of its own at one place of the source."""

    def __init__(self, earlier: Trace, place: Point, order: Sequence[int]) -> None:
        super().__init__(earlier)
        self._place, self._order = place, order

    def _called(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if getattr(func, "__name__", "") in PERMUTATIONS:
            frame = self._user_frame(caller())
            if frame is not None and point(frame) == self._place:
                return super()._called(torch.Tensor.permute, (args[0], *self._order), {})
        return super()._called(func, args, kwargs)


def in_order(model: Model, call: ModuleCall, place: Point, order: Sequence[int]) -> Model | None:
    """A part of a model, alone and with a permutation in another order; None if it fails so."""
    if call.module not in model.trace.arguments:
        return None
    args, kwargs = mapped(model.trace.arguments[call.module], _blank)
    recorder = _InOrder(replace(model.trace, root=call.module), place, order)
    trace = recorded(call.module, args, kwargs, model.project, model.trace.preferred_branch, recorder=recorder)
    return replace(model, trace=trace, is_part=True) if trace.trouble == (0, 0) else None


def _blank(value: Any) -> Any:
    return torch.empty_like(value) if isinstance(value, torch.Tensor) else value
