"""The recorder of concrete traces, for calls whose shapes are expressions."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Project
from resnet_lint.shared.records.places import Shape

from ..sizes.size_expressions import Size
from ..tensors import tensors_in
from ..tracer.in_place_changes import NoWatch, changed_since, versions_of
from ..tracer.node_writer import NodeWriter, Sizes
from ..tracer.proof import DataDependentError
from ..tracer.recorder import Recorder
from .repeated_blocks import Block, Copy, likeness
from .symbols import Environment


class TooSlowError(DataDependentError):
    """The expressions of the sizes are too large to work with."""

    def __init__(self) -> None:
        super().__init__("the expressions of the sizes become too complex")


class SymbolicRecorder(Recorder):
    """Records a forward pass of `root` with symbols; `expressions` are the sizes of each node's result.

    Ends the forward pass when the process has used `ends` seconds of CPU time.
    """

    def __init__(
        self, root: nn.Module, project: Project, prefer_branch: bool, environment: Environment, ends: float
    ) -> None:
        self.expressions: dict[Node, tuple[Size, ...] | None] = {}
        self._environment = environment
        super().__init__(root, project, prefer_branch)
        self.watch = NoWatch(project)
        self._ends = ends
        self._written: list[Node] = []
        self._blocks: dict[Hashable, Block] = {}

    def run(self, call: ModuleCall, forward: Callable[[], Any], args: Any, kwargs: Any) -> Any:
        """Run a block, or copy the result of an equivalent one."""
        with torch._C.DisableTorchFunction():
            like = likeness(call.module, args, kwargs)
        if like is None or len(call.inputs) != len(args):
            return forward()
        known = self._blocks.get(like)
        if known is not None:
            copy = Copy(known, call, self._keep, self._node_of, self._writer.again)
            self.completed += copy.completed
            self.results.update(copy.results)
            for tensor, node in zip(tensors_in(copy.result), copy.result_nodes, strict=True):
                self._nodes[id(tensor)] = node
                self._alive.append(tensor)
            return copy.result
        marks = len(self._written), len(self.completed), len(self.faults)
        versions = versions_of(args)
        result = forward()
        block = self._block(call, result, *marks[:2])
        with torch._C.DisableTorchFunction():
            unchanged = like == likeness(call.module, args, kwargs) and not changed_since(versions)
        if unchanged and len(self.faults) == marks[2] and block.is_self_contained:
            self._blocks[like] = block
        return result

    def _block(self, call: ModuleCall, result: Any, nodes: int, calls: int) -> Block:
        inner = self.completed[calls:]
        results = {call: self.results[call] for call in inner}
        return Block(call, self._written[nodes:], inner, results, result, self.nodes_of(result))

    def _keep(self, node: Node, tensor: torch.Tensor | None) -> None:
        super()._keep(node, tensor)
        self._written.append(node)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if time.process_time() > self._ends:
            raise TooSlowError
        return super().__torch_function__(func, types, args, kwargs)

    def _new_writer(self) -> NodeWriter:
        return _SymbolicWriter(self._environment, self.expressions)

    def _write(self, func: Callable[..., Any], args: Any, kwargs: Any, result: Any, in_place: bool = False) -> Node:
        for tensor in tensors_in(result):
            self._environment.hints(tensor.shape)  # raises for shapes that depend on values
        return super()._write(func, args, kwargs, result, in_place)

    def _replayed(self, func: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str | None, Any]:
        """Replay a call with numbers: if it works with them, torch has no symbolic shape for it."""
        concrete = self._environment.concrete((args, kwargs))
        with self._environment.concretely():
            text, _ = super()._replayed(func, *concrete)
        if text is None:
            raise DataDependentError(f"torch has no symbolic shapes for {getattr(func, '__name__', func)}")
        return text, None


class _SymbolicWriter(NodeWriter):
    """Creates nodes with concrete shapes, and stores the expressions separately."""

    def __init__(self, environment: Environment, expressions: dict[Node, tuple[Size, ...] | None]) -> None:
        super().__init__()
        self._environment = environment
        self._expressions = expressions

    def again(self, node: Node, moved: Mapping[Node, Node], call: ModuleCall | None) -> Node:
        copy = super().again(node, moved, call)
        self._expressions[copy] = self._expressions[node]
        return copy

    def _sizes(self, shape: Sizes) -> Shape:
        return self._environment.hints(shape)

    def _add(self, label: str, facts: Mapping[str, Any], **more: Any) -> Node:
        node = super()._add(label, facts, **more)
        shape: Sizes | None = facts["shape"]
        self._expressions[node] = tuple(map(self._environment.expression, shape)) if shape is not None else None
        return node
