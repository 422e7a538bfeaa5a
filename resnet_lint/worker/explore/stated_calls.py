"""The calls that a file itself makes while it is played: of its models, and of torch between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.source_places import caller, point
from resnet_lint.shared.evidence import Failure
from resnet_lint.shared.records.places import Operand

from ..build.main_block import Answer
from ..load.load import Loaded
from ..tensors import mapped, tensors_in
from ..tracer.trace import Trace, trace
from .attempts import Attempts


class StatedCalls:
    """Traces the calls of models, each once; `failures` are torch calls of the script's own that cannot work."""

    def __init__(self, attempts: Attempts, loaded: Loaded) -> None:
        self.failures: list[Failure] = []
        self._attempts = attempts
        self._path = loaded.path
        self._project = loaded.project
        self._traced: dict[tuple[object, ...], Trace] = {}

    def model(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], may_fail: bool) -> Answer:
        """What a call of a model gives, or raises."""
        args, kwargs = mapped((args, kwargs), _to_meta)
        key = (*map(id, module.modules()), may_fail, str(mapped((args, kwargs), _described)))
        result = self._traced.get(key)
        if result is None:
            result = self._traced[key] = trace(module, args, kwargs, self._project)
            self._attempts.add_stated(module, result, may_fail, self._line())
        if result.stop is not None:
            raise result.stop.error
        if result.fatal is not None:
            raise RuntimeError(result.fatal.error)
        return Answer(result.output, sure=not result.all_faults)

    def _line(self) -> str:
        """The line of the file that runs, or of another file of its project."""
        frame = self._project.frame(caller(2))
        if frame is None:
            return "the file"
        path = frame.f_code.co_filename
        return (
            f"line {frame.f_lineno}"
            if path == self._path
            else f"{path.removeprefix(self._project.root)}:{frame.f_lineno}"
        )

    def torch(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], error: str) -> None:
        """Note a torch call that fails, such as that of a loss."""
        frame = self._project.frame(caller())
        if frame is None:
            return
        where = point(frame)
        shapes = [tuple(tensor.shape) for tensor in tensors_in([args, kwargs])]
        operands = tuple(Operand(f"operand {number}", shape) for number, shape in enumerate(shapes, 1))
        name = getattr(func, "__name__", str(func))
        failure = Failure("other", where.span, " ".join(error.split()), name, "", where.text, operands)
        if failure not in self.failures:
            self.failures.append(failure)


def _to_meta(value: Any) -> Any:
    return value.to("meta") if isinstance(value, torch.Tensor) else value


def _described(value: Any) -> object:
    return (tuple(value.shape), value.dtype) if isinstance(value, torch.Tensor) else value
