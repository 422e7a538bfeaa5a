"""The recorder of concrete traces, for calls whose shapes are expressions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import torch
from torch import fx, nn

from ..calls import tensors_in
from ..fault import DataDependentError
from ..inplace import Versions, Watch
from ..place import Project
from ..recorder import Recorder
from .environment import Environment


class TooSlowError(Exception):
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
