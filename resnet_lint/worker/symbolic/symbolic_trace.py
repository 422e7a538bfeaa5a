"""Traces a forward pass again with symbolic input sizes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy
import torch

from resnet_lint.graph.node import Node
from resnet_lint.graph.trace import Trace

from ..sizes.axis_names import Axis, shared_names
from ..sizes.print_sizes import Names, shape_text, size_text
from ..sizes.size_expressions import Size
from ..tensors import mapped, tensors_in
from ..tracer.trace import recorded
from .symbolic_recorder import SymbolicRecorder
from .symbols import Environment

# CPU time in seconds after which a trace is aborted, because its expressions are too large.
_MOST_SECONDS = 20.0


@dataclass(frozen=True, eq=False)
class SymbolicTrace:
    """A trace with two shapes per node: the concrete `shape`, and one in `expressions` (None if there is none).

    `axes` are those of the inputs, `names` the names of their symbols (N, H, W). `guards` are the conditions under
    which the model takes this path. `trace.stop` is the reason if it ended early.
    """

    trace: Trace
    environment: Environment
    axes: tuple[tuple[Axis, ...], ...]
    names: Names
    guards: tuple[sympy.Basic, ...]
    expressions: Mapping[Node, tuple[Size, ...] | None]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.trace.nodes

    def text(self, size: Size | sympy.Basic) -> str:
        """The text of a size or a condition: `ceil(H/2)`."""
        return size_text(size, self.names)

    def shape_text(self, node: Node) -> tuple[str, ...]:
        """The shape of a node's result: `("N", "64", "H//2", "W//2")`."""
        return shape_text(self.expressions[node] or (), self.names)


def symbolic_trace(earlier: Trace) -> SymbolicTrace:
    """Repeat an earlier trace with different symbols for all input sizes.

    It takes the path of the earlier sizes, except that a batch of one, which torch treats specially, becomes two if the
    model accepts it. A symbol for which the model requires a value, such as the channels of a convolution, becomes this
    value. A trace that takes too long ends early, with the reason in `trace.stop`.
    """
    ends = time.process_time() + _MOST_SECONDS
    if any(tensor.shape[:1] == (1,) for tensor in tensors_in([earlier.args, earlier.kwargs])):
        trace = _traced(earlier, Environment(), ends, least_batch=2)
        if trace.trace.trouble <= earlier.trouble:
            return trace
    return _traced(earlier, Environment(), ends, least_batch=1)


def _traced(earlier: Trace, environment: Environment, ends: float, least_batch: int) -> SymbolicTrace:
    inputs: list[list[sympy.Symbol]] = []

    def symbolic(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        hints = [max(size, least_batch) if axis == 0 else size for axis, size in enumerate(value.shape)]
        sizes = [environment.integer(f"input_{len(inputs)}.{axis}", hint) for axis, hint in enumerate(hints)]
        inputs.append([environment.expression(size) for size in sizes])
        return environment.empty(sizes, value.dtype)

    args, kwargs = mapped((earlier.args, earlier.kwargs), symbolic)
    recorder = SymbolicRecorder(earlier.root, earlier.project, earlier.preferred_branch, environment, ends)
    with environment.active():
        trace = recorded(earlier.root, args, kwargs, earlier.project, earlier.preferred_branch, recorder=recorder)
    expressions = {
        node: sizes and tuple(map(environment.settled, sizes)) for node, sizes in recorder.expressions.items()
    }
    axes = tuple(tuple(_axis(symbol, environment) for symbol in symbols) for symbols in inputs)
    return SymbolicTrace(trace, environment, axes, shared_names(axes), environment.guards, expressions)


def _axis(symbol: sympy.Symbol, environment: Environment) -> Axis:
    return Axis(symbol, environment.number(symbol), environment.settled(symbol))
