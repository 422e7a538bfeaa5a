"""Traces one forward pass of a model on meta tensors: the graph, the faults, and why it ended early."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.source_places import Point, Project
from resnet_lint.graph.trace import Stop, Trace
from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.records.places import Shape

from ..process.limits import TimeUp
from ..tensors import mapped, tensors_in
from ..torch_quirks.torchvision_operators import operators_expected
from .in_place_changes import Saved
from .intercept import intercepted
from .meta_device import OnMeta
from .proof import DEPENDS_ON_VALUES, DataDependentError
from .recorder import Recorder
from .two_trials import fails_for_any


def trace(root: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], project: Project) -> Trace:
    """Trace `root(*args, **kwargs)`; tensors are on meta, batch first.

    After a failing addition, the trace continues with the shape of the residual branch; after a failing normalization,
    with that of its input. If this leads to more faults, the shape of the shortcut, or of the normalization, may be the
    intended one: both are tried, and the trace with fewer faults is returned.
    """
    first = recorded(root, args, kwargs, project, prefer_branch=True)
    if first.faults and first.trouble > (0, 1):
        second = recorded(root, args, kwargs, project, prefer_branch=False)
        return min(first, second, key=lambda trace: trace.trouble)
    return first


def trace_for_training(earlier: Trace, *, saved: Saved | None = None) -> Trace:
    """Repeat an earlier trace with gradients, in the current mode (training or eval) of the module.

    `saved` records the tensors that the backward pass needs.
    """
    args, kwargs = mapped((earlier.args, earlier.kwargs), _fresh)
    with saved.listening() if saved is not None else nullcontext():
        return recorded(earlier.root, args, kwargs, earlier.project, earlier.preferred_branch, gradients=True)


def forward_for_training(earlier: Trace, saved: Saved | None = None) -> Any:
    """Run the forward pass of `trace_for_training` without recording it, which takes a third of the time.

    Raises the exceptions of the forward pass.
    """
    args, kwargs = mapped((earlier.args, earlier.kwargs), _fresh)
    listening = saved.listening() if saved is not None else nullcontext()
    with surroundings(gradients=True), OnMeta(), listening:
        return earlier.root(*args, **kwargs)


def trace_at(earlier: Trace, shapes: Sequence[Shape]) -> Trace:
    """Repeat an earlier trace with inputs of these shapes, one per tensor."""
    left = iter(shapes)

    def reshaped(value: Any) -> Any:
        return value.new_empty(next(left)) if isinstance(value, torch.Tensor) else value

    args, kwargs = mapped((earlier.args, earlier.kwargs), reshaped)
    return recorded(earlier.root, args, kwargs, earlier.project, earlier.preferred_branch)


def _with_own_containers(value: Any) -> Any:
    """A value with copies of its lists and dicts: a detection head assigns to its input, `x[i] = self.m[i](x[i])`."""
    if type(value) in (list, tuple):
        return type(value)(map(_with_own_containers, value))
    if type(value) is dict:
        return {key: _with_own_containers(part) for key, part in value.items()}
    return value


def _fresh(value: Any) -> Any:
    """A copy of an input, without in-place modifications by an earlier forward pass."""
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def recorded(
    root: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    project: Project,
    prefer_branch: bool,
    gradients: bool = False,
    recorder: Recorder | None = None,
) -> Trace:
    """Record one forward pass; `prefer_branch`: continue with the shape of the branch after a failing addition.

    A fault behind a size that depends on values is certain if it is the same for another size.
    """
    used = recorder or Recorder(root, project, prefer_branch)
    result = _recorded_by(used, root, args, kwargs, project, prefer_branch, gradients)
    if used.sure_faults is None or len(result.all_faults) == used.sure_faults:
        return result
    others: tuple[Fault, ...] = ()
    if recorder is None:
        again = Recorder(root, project, prefer_branch, other_values=True)
        others = _recorded_by(again, root, args, kwargs, project, prefer_branch, gradients).all_faults
    return _with_sure_faults(result, used.sure_faults, others)


def _with_sure_faults(result: Trace, sure: int, others: Sequence[Fault]) -> Trace:
    """The trace, ended at the first fault after the `sure` ones that is not among `others`, those for other values."""
    for number, fault in enumerate(result.all_faults[sure:], sure):
        if not any(fails_for_any(fault, other) for other in others):
            stop = Stop(DataDependentError(), fault.point, DEPENDS_ON_VALUES)
            calls = tuple(call for call in result.calls if _ended_before(call, fault, result))
            return replace(result, calls=calls, faults=result.all_faults[:number], fatal=None, stop=stop)
    return result


def _ended_before(call: ModuleCall, fault: Fault, result: Trace) -> bool:
    return call not in fault.call.with_callers() and all(
        node.order < fault.node.order for node in result.results.get(call, ())
    )


def _recorded_by(
    recorder: Recorder,
    root: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    project: Project,
    prefer_branch: bool,
    gradients: bool,
) -> Trace:
    for name, tensor in _named_tensors(root, args, kwargs):
        recorder.placeholder(name, tensor)

    def enter(call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
        with recorder.entered(module, args, kwargs) as entered:
            result = recorder.run(entered, partial(call, module, *args, **kwargs), args, kwargs)
            recorder.results[entered] = recorder.nodes_of(result)
            return result

    fatal, stop, output = None, None, None
    with surroundings(gradients), intercepted(enter), recorder:
        try:
            output = root(*_with_own_containers(tuple(args)), **_with_own_containers(dict(kwargs)))
        except TimeUp:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if recorder.pending is not None and recorder.pending[0] is error:
                fatal = recorder.pending[1]
            else:
                text = (
                    str(error)
                    if isinstance(error, DataDependentError)
                    else error_text(error).replace("torch.meta.", "torch.")
                )
                stop = Stop(error, innermost(error, project), text)
    is_real = any(not tensor.is_meta for tensor in tensors_in([args, kwargs]))
    return Trace(
        root,
        tuple(args),
        kwargs,
        recorder.nodes,
        tuple(recorder.completed),
        tuple(recorder.faults),
        fatal,
        stop,
        output,
        prefer_branch,
        recorder.results,
        {} if is_real else recorder.arguments,
        recorder.watch,
        project,
        is_real,
        output_shapes=tuple(tuple(tensor.shape) for tensor in tensors_in(output)),
    )


@contextmanager
def surroundings(gradients: bool) -> Iterator[None]:
    """The environment of the user's forward: no warnings, new tensors on the CPU, torchvision's operators."""
    with (
        warnings.catch_warnings(),
        torch.set_grad_enabled(gradients),
        torch.device("cpu"),
        operators_expected(),
    ):
        warnings.simplefilter("ignore")
        yield


def innermost(error: BaseException, project: Project) -> Point | None:
    """The innermost expression of the user's code in the traceback of an error."""
    found, step = None, error.__traceback__
    while step is not None:
        if project.owns(step.tb_frame.f_code):
            found = Point(step.tb_frame.f_code, step.tb_lasti)
        step = step.tb_next
    return found


def _named_tensors(
    root: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, torch.Tensor]]:
    names = [name for name in inspect.signature(root.forward).parameters]
    for index, value in enumerate(args):
        yield from _named_parts(names[index] if index < len(names) else f"input_{index}", value)
    for name, value in kwargs.items():
        yield from _named_parts(name, value)


def _named_parts(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors in an argument by name: `x`, or `features.0` and `batch.image` for those in lists and dicts."""
    if isinstance(value, torch.Tensor):
        yield name, value
        return
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, part in parts:
        yield from _named_parts(f"{name}.{key}", part)
