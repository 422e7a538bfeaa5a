"""The recorder of concrete traces, for calls whose shapes are expressions."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from types import FrameType
from typing import Any

import torch
from torch import fx, nn

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.source_places import Project

from ..tensors import tensors_in
from ..tracer.in_place_changes import Versions, Watch, changed_since, versions_of
from ..tracer.proof import DataDependentError
from ..tracer.recorder import Recorder
from .repeated_blocks import Block, Copy, likeness
from .symbols import Environment


class TooSlowError(DataDependentError):
    """The expressions of the sizes grew too large to be worked with."""

    def __init__(self) -> None:
        super().__init__("from here on its sizes are too complicated to be written as expressions")


class SymbolicRecorder(Recorder):
    """Records one forward of `root` in the environment's mode. Each node says in `node.meta` what its call asked for:

    guards   the conditions that the call put on the sizes

    Ends the forward once the process has used `ends` seconds of its processor.
    """

    def __init__(
        self, root: nn.Module, project: Project, prefer_branch: bool, environment: Environment, ends: float
    ) -> None:
        super().__init__(root, project, prefer_branch)
        self.watch = _NoWatch(project)
        self._environment = environment
        self._guards_before = 0
        self._ends = ends
        self._written: list[fx.Node] = []
        self._blocks: dict[Hashable, Block] = {}

    def run(self, call: ModuleCall, forward: Callable[[], Any], args: Any, kwargs: Any) -> Any:
        """As it was for a block built alike with inputs of the same shapes; the first of its kind is really run."""
        with torch._C.DisableTorchFunction():
            like = likeness(call.module, args, kwargs)
        if like is None or len(call.inputs) != len(args):
            return forward()
        known = self._blocks.get(like)
        if known is not None:
            copy = Copy(known, call, self._keep, self._as_node)
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
        if unchanged and len(self.faults) == marks[2] and block.stands_alone:
            self._blocks[like] = block
        return result

    def _block(self, call: ModuleCall, result: Any, nodes: int, calls: int) -> Block:
        inner = self.completed[calls:]
        results = {each: self.results[each] for each in inner}
        return Block(call, self._written[nodes:], inner, results, result, self.nodes_of(result))

    def _keep(self, node: fx.Node, tensor: torch.Tensor | None) -> None:
        super()._keep(node, tensor)
        self._written.append(node)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if time.process_time() > self._ends:
            raise TooSlowError
        self._guards_before = self._environment.count
        return super().__torch_function__(func, types, args, kwargs)

    def _write(self, func: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> fx.Node:
        for tensor in tensors_in(result):
            self._environment.hints(tensor.shape)  # raises for shapes that depend on values
        guards = self._environment.guards_since(self._guards_before)
        node = super()._write(func, args, kwargs, result)
        node.meta["guards"] = guards
        return node

    def _replayed(self, func: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str | None, Any]:
        """At the numbers that the symbols stand for: a call that works for them has no shape as an expression."""
        concrete = self._environment.concrete((args, kwargs))
        with self._environment.concretely():
            text, _ = super()._replayed(func, *concrete)
        if text is None:
            raise DataDependentError(f"torch has no symbolic shapes for {getattr(func, '__name__', func)}")
        return text, None


class _NoWatch(Watch):
    """Changes in place were followed in the concrete trace; to compare tensors again would add conditions."""

    def changes(self, node: fx.Node, tensor: torch.Tensor, frame: FrameType | None) -> None:
        pass

    def reads(self, node: fx.Node, versions: Versions, frame: FrameType | None) -> None:
        pass
