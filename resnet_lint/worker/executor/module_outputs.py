"""The shapes that each module gives, on meta and for real: one pair of eyes for both, so that they can be compared."""

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
"""Module calls in the order of their ends: path, class, and the shapes of the results."""


@contextmanager
def record_outputs(model: nn.Module) -> Iterator[Calls]:
    """Note each module call inside the block."""
    calls: Calls = []

    def note(path: str, module: nn.Module, args: Any, output: Any) -> None:
        calls.append((path, type(module).__name__, tuple(tuple(tensor.shape) for tensor in tensors_in(output))))

    handles = [module.register_forward_hook(partial(note, path)) for path, module in model.named_modules()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def compare_outputs(predicted: Calls, measured: Calls) -> tuple[StageShapes, ...]:
    """Each predicted call beside the measured one: the same module, called as many times before. None is left out."""
    waiting = defaultdict[tuple[str, str], Calls](list)
    for call in measured:
        waiting[call[:2]].append(call)
    stages = []
    for path, kind, shapes in predicted:
        found = waiting[path, kind]
        stages.append(StageShapes(path, kind, shapes, found.pop(0)[2] if found else ()))
    unexpected = [call for calls in waiting.values() for call in calls]
    return (*stages, *(StageShapes(path, kind, (), shapes) for path, kind, shapes in unexpected))
