"""Finds the parts of a model that run at other sizes, where the model itself does not.

A vision transformer is bound to one image size by its table of positions, but each of its blocks accepts any number of
tokens. So the axes inside a block follow from traces of the block alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from resnet_lint.graph.axes import Axes
from resnet_lint.graph.model import Model
from resnet_lint.graph.module_call import ModuleCall

from ..tensors import mapped
from ..tracer.trace import recorded


def inner_models(model: Model) -> Iterator[Model]:
    """The outermost parts of a model that run at other sizes, as models of their own; one per class.

    There are none if the model itself runs at other sizes, apart from the widths of its layers.
    """
    if model.axes is None or not _is_bound(model.axes):
        return
    within: dict[ModuleCall | None, list[ModuleCall]] = defaultdict(list)
    for call in model.calls:
        within[call.parent].append(call)
    waiting, known = [call for root in within[None] for call in within[root]], {type(model.root)}
    for call in waiting:  # grows by the parts of what is bound to its sizes too
        if call.module in model.trace.arguments and type(call.module) not in known:
            known.add(type(call.module))
            has_axes = any(len(node.shape or ()) > 2 for node in call.inputs)  # besides the batch and features
            inner = _alone(call, model) if has_axes else None
            if inner is not None:
                yield inner
                if inner.axes is not None and not _is_bound(inner.axes):
                    continue
        waiting += within[call]


def completed_parts(model: Model) -> Iterator[Model]:
    """The outermost parts that a trace completed before it ended early, as models of their own."""
    completed = set(model.calls)
    for call in model.calls:
        if call.parent not in completed and call.module in model.trace.arguments:
            part = _alone(call, model)
            if part is not None:
                yield part


def _alone(call: ModuleCall, model: Model) -> Model | None:
    """A part of a model as a model of its own; None if it fails."""
    args, kwargs = mapped(model.trace.arguments[call.module], _blank)
    trace = recorded(call.module, args, kwargs, model.project, model.trace.preferred_branch)
    return replace(model, trace=trace, is_part=True) if trace.trouble == (0, 0) else None


def _is_bound(axes: Axes) -> bool:
    """Whether some axis of the inputs has a fixed size, although no layer has weights for it."""
    return any(not axes.is_free(axis) and not axes.is_fixed_by_layer(axis) for axis in axes.inputs)


def _blank(value: Any) -> Any:
    return torch.empty_like(value) if isinstance(value, torch.Tensor) else value
