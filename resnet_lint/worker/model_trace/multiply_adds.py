"""Counts the multiply-adds of every call in a forward pass, with torch's formulas for operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from resnet_lint.graph.node import Node
from resnet_lint.graph.trace import Trace

from ..tracer.recorder import Recorder
from ..tracer.trace import recorded


def multiply_adds(trace: Trace) -> Mapping[str, int]:
    """The multiply-adds of the nodes of a trace, by name, for its batch; a failing call counts what it would be.

    torch's formulas count two operations per multiply-add, so this is half of them.
    """
    counter = _Operations()
    recorder = _Counting(trace, counter)
    with counter:
        recorded(trace.root, trace.args, trace.kwargs, trace.project, trace.preferred_branch, recorder=recorder)
    return {name: count // 2 for name, count in recorder.counts.items()}


class _Operations(TorchDispatchMode):
    """Counts operations since they were last taken."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._count = 0

    def taken(self) -> int:
        count, self._count = self._count, 0
        return count

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        formula = flop_registry.get(func._overloadpacket)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:
                parts = func.decompose(*args, **named)
                if parts is not NotImplemented:
                    return parts
        result = func(*args, **named)
        if formula is not None:
            self._count += formula(*args, **named, out_val=result)
        return result


class _Counting(Recorder):
    """Records a forward pass again, and the operations of each call."""

    def __init__(self, trace: Trace, counter: _Operations) -> None:
        super().__init__(trace.root, trace.project, trace.preferred_branch)
        self._counter = counter
        self.counts: dict[str, int] = {}

    def _write(self, func: Any, args: Any, kwargs: Any, result: Any, in_place: bool = False) -> Node:
        node = super()._write(func, args, kwargs, result, in_place)
        self.counts[node.name] = self._counter.taken()
        return node
