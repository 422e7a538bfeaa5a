"""Traces the calls that a file makes while it is executed: of its models, and of torch functions between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.source_places import caller, point
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.evidence import Failure, LossCall
from resnet_lint.shared.records.places import Operand

from ..build.doubt import Doubt
from ..build.main_block import Answer
from ..load.load import Loaded
from ..outside import OUTSIDE
from ..tensors import as_meta, mapped, tensors_in
from ..tracer.trace import trace
from ..tracer.training_mode import Modes, branches_on_training, modes_kept, set_modes
from ..tracer.two_trials import fails_for_any, refused_for_any
from .attempts import Attempts


@dataclass(frozen=True, eq=False)
class _Call:
    """A model call in one trial of the script that depends on a guessed external number."""

    module: nn.Module
    trace: Trace
    line: str

    @property
    def place(self) -> tuple[str, str]:
        return self.line, type(self.module).__name__


class StatedCalls:
    """Traces model calls, without repetitions; `failures` are failing torch calls of the script, `losses` its losses.

    Calls that depend on a guessed number are collected in `trials`, one list per trial, until `compare`.
    """

    def __init__(self, attempts: Attempts, loaded: Loaded) -> None:
        self.failures: list[Failure] = []
        self.losses: list[LossCall] = []
        self._attempts = attempts
        self._path = loaded.path
        self._project = loaded.project
        self._traced: dict[tuple[object, ...], Trace] = {}
        self._ended: list[Trace] = []
        self._calls: tuple[list[_Call], list[_Call]] = ([], [])
        self._refusals: tuple[list[Failure], list[Failure]] = ([], [])

    @property
    def need_another_trial(self) -> bool:
        """Whether something failed that depends on a guessed number."""
        return bool(self._calls[0] or self._refusals[0])

    def model(
        self,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        doubt: Callable[[], Doubt],
        modes: Modes,
    ) -> Answer:
        """The result of a model call in the `modes` of the script, or its exception."""
        args, kwargs = mapped((args, kwargs), as_meta)
        inputs = str(mapped((args, kwargs), _described))
        key = (*map(id, nn.Module.modules(module)), modes[module], OUTSIDE.trial, doubt(), inputs)
        result = self._traced.get(key)
        if result is None:
            result = self._trace(module, args, kwargs)
            in_training = self._in_training(module, args, kwargs, modes)
            both_run = in_training is not None and in_training.trouble == result.trouble == (0, 0)
            shown = result if in_training is None or both_run else in_training
            self._note(module, shown, doubt())  # a forward may depend on guessed values too
            result = self._traced[key] = in_training or result
        if result.stop is not None:
            raise result.stop.error
        if result.fatal is not None:
            raise RuntimeError(result.fatal.error)
        return Answer(result.output, sure=not result.all_faults)

    def _trace(self, module: nn.Module, args: Any, kwargs: Any) -> Trace:
        return replace(trace(module, args, kwargs, self._project), last_round=OUTSIDE.last_round)

    def _in_training(self, module: nn.Module, args: Any, kwargs: Any, modes: Modes) -> Trace | None:
        """The trace in the modes of the script, if they make a difference and it does not depend on random numbers."""
        if not modes[module] or not branches_on_training(module, self._project):
            return None
        with modes_kept(module):
            set_modes(modes)
            result = self._trace(module, args, kwargs)
        return result if result.stop is None else None

    def _note(self, module: nn.Module, result: Trace, doubt: Doubt) -> None:
        if OUTSIDE.last_round is not None and result.trouble == (0, 0):
            return  # nothing new: the first round was traced
        if doubt is Doubt.INVENTED and result.trouble > (0, 0):
            self._calls[OUTSIDE.trial].append(_Call(module, result, self._line()))
        elif not OUTSIDE.trial:
            if result.stop is not None and not doubt and not self._attempts.statements_failed:
                self._ended.append(result)
            self._attempts.add_stated(module, result, () if doubt else result.all_faults, self._line(), doubt)

    def compare(self) -> None:
        """After the script, confirm what ended its calls, and what failed in both trials for any guessed numbers."""
        for ended in self._ended:
            self._attempts.confirm(ended)
        for call in self._calls[0]:
            again = [fault for other in self._calls[1] if other.place == call.place for fault in other.trace.all_faults]
            faults = tuple(f for f in call.trace.all_faults if any(fails_for_any(f, other) for other in again))
            self._attempts.add_stated(call.module, call.trace, faults, call.line, Doubt.INVENTED)
        refused, refused_again = self._refusals
        self.failures += [first for first in refused if any(refused_for_any(first, other) for other in refused_again)]
        for trials in (self._ended, *self._calls, *self._refusals):
            trials.clear()

    def _line(self) -> str:
        """The current line in the file, or in another file of its project."""
        frame = self._project.frame(caller(3))
        if frame is None:
            return "the file"
        path = frame.f_code.co_filename
        return (
            f"line {frame.f_lineno}"
            if path == self._path
            else f"{path.removeprefix(self._project.root)}:{frame.f_lineno}"
        )

    def torch(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        error: str | None,
        doubt: Doubt,
    ) -> None:
        """Record a failing torch call, or a loss."""
        frame = self._project.frame(caller())
        if frame is None or doubt > Doubt.INVENTED or (OUTSIDE.trial and not doubt):
            return
        where = point(frame)
        shapes = tuple(tuple(tensor.shape) for tensor in tensors_in([args, kwargs]))
        name = getattr(func, "__name__", str(func))
        if error is None:
            loss = LossCall(where.span, name, shapes)
            if loss not in self.losses:
                self.losses.append(loss)
            return
        operands = tuple(Operand(f"operand {number}", shape) for number, shape in enumerate(shapes, 1))
        shown = " ".join(error.split())
        failure = Failure("other", where.span, shown, name, "", where.text, operands, last_round=OUTSIDE.last_round)
        failures = self._refusals[OUTSIDE.trial] if doubt else self.failures
        if failure not in failures:
            failures.append(failure)


def _described(value: Any) -> object:
    return (tuple(value.shape), value.dtype) if isinstance(value, torch.Tensor) else value
