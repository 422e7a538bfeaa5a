"""Records the output shapes of each module call with the same hooks on meta and on the device, to compare them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn

from resnet_lint.shared.records.hardware_run import StageShapes
from resnet_lint.shared.records.places import Shape

from ..tensors import tensors_in

Calls = list[tuple[str, str, tuple[Shape, ...]]]
"""Module calls in the order in which they return: path, class, and the shapes of the outputs."""


@contextmanager
def record_outputs(model: nn.Module) -> Iterator[Calls]:
    """Record each module call inside the with block."""
    calls: Calls = []

    def record(path: str, module: nn.Module, args: Any, output: Any) -> None:
        calls.append((path, type(module).__name__, tuple(tuple(tensor.shape) for tensor in tensors_in(output))))

    handles = [module.register_forward_hook(partial(record, path)) for path, module in model.named_modules()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def compare_outputs(predicted: Calls, measured: Calls) -> tuple[StageShapes, ...]:
    """Pair the predicted calls of each module with the measured ones, in order; unpaired calls are kept too."""
    unmatched = defaultdict[tuple[str, str], Calls](list)
    for call in measured:
        unmatched[call[:2]].append(call)
    stages = []
    for path, kind, shapes in predicted:
        found = unmatched[path, kind]
        stages.append(StageShapes(path, kind, shapes, found.pop(0)[2] if found else ()))
    unexpected = [call for calls in unmatched.values() for call in calls]
    return (*stages, *(StageShapes(path, kind, (), shapes) for path, kind, shapes in unexpected))
