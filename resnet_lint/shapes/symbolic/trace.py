"""A forward traced once more, with the sizes of its inputs as symbols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch import fx

from ..calls import mapped
from ..place import Project
from ..trace import Trace, recorded
from .environment import Environment, Size
from .names import Names, names_of
from .people import people, people_shape
from .recorder import SymbolicRecorder


@dataclass(frozen=True, eq=False)
class SymbolicTrace:
    """A trace whose nodes carry in `node.meta` both shapes: `shape` in numbers, and `symbolic` with expressions.

    `names` are those of the symbols (N, H, W); `guards` are the conditions under which the model does just what it did
    here, those on single calls also in `node.meta["guards"]`. `trace.stop` is the reason, where it ended early.
    """

    trace: Trace
    environment: Environment
    names: Names
    guards: tuple[sympy.Basic, ...]

    @property
    def graph(self) -> fx.Graph:
        return self.trace.graph

    def people(self, size: Size | sympy.Basic) -> str:
        """A size or a condition as people write it: `ceil(H/2)`."""
        return people(size, self.names)

    def people_shape(self, node: fx.Node) -> tuple[str, ...]:
        """The shape of a node's result as people write it: `("N", "64", "H//2", "W//2")`."""
        return people_shape(node.meta["symbolic"], self.names)


def symbolic_trace(earlier: Trace, project: Project, environment: Environment | None = None) -> SymbolicTrace:
    """Record the forward of an earlier trace again, each size of its inputs a symbol of its own.

    It goes the way that the earlier sizes lead. A symbol of which the model wants one value, as a convolution wants
    its channels, is shown as that value.
    """
    environment = environment or Environment()
    inputs: list[list[sympy.Symbol]] = []

    def symbolic(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        tensor = environment.tensor(f"input_{len(inputs)}", value)
        inputs.append([environment.expression(size) for size in tensor.shape])
        return tensor

    args, kwargs = mapped((earlier.args, earlier.kwargs), symbolic)
    recorder = SymbolicRecorder(earlier.root, project, earlier.preferred_branch, environment)
    with environment.active():
        trace = recorded(earlier.root, args, kwargs, project, earlier.preferred_branch, recorder=recorder)
    _write_both_shapes(trace.graph, environment)
    axes = [[(symbol, environment.settled(symbol)) for symbol in symbols] for symbols in inputs]
    return SymbolicTrace(trace, environment, names_of(axes), environment.guards)


def _write_both_shapes(graph: fx.Graph, environment: Environment) -> None:
    for node in graph.nodes:
        shape = node.meta["shape"]
        node.meta["symbolic"] = shape and tuple(environment.settled(environment.expression(size)) for size in shape)
        node.meta["shape"] = shape and environment.hints(shape)
        node.meta["inputs"] = tuple(environment.hints(shape) for shape in node.meta["inputs"])
