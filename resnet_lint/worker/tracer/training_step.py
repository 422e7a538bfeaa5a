"""One step of training on the meta device, without data: what autograd refuses, and what no gradient reaches.

The forward shows both: which saved tensors are changed afterwards, and what the graph of the gradients leads to. It is
recorded only where something was changed, to tell where; and the backward pass runs as the proof only.
"""

from __future__ import annotations

from typing import Any

import torch

from resnet_lint.graph.model import Model, TrainingStep

from ..tensors import tensors_in
from .in_place_changes import Saved, refuses_change
from .trace import Trace, forward_for_training, trace_for_training


def is_worth_a_step(model: Model) -> bool:
    """Whether a step can show anything: something is changed in place, or a module with parameters was not called."""
    called = {id(call.module) for call in model.trace.calls}
    modules = list(model.trace.root.modules())
    idle = any(id(module) not in called and next(module.parameters(False), None) is not None for module in modules)
    return idle or model.trace.watch.saw_changes or any(getattr(module, "inplace", False) for module in modules)


def training_step(model: Model) -> TrainingStep:
    """Train a traced model for one step; where parameters stay without gradient, for one in evaluation mode too.

    Stochastic depth leaves out whole blocks in training; auxiliary heads may run in training alone.
    """
    first = _tried(model, training=True)
    if first is not None and (first.error is not None or not first.without_gradient):
        return first
    second = _tried(model, training=False)
    if first is None or second is None:
        return first or second or TrainingStep()
    return TrainingStep(second.error, second.change, first.without_gradient & second.without_gradient)


def _tried(model: Model, training: bool) -> TrainingStep | None:
    """One step in training or in evaluation mode; None where that is not possible."""
    root = model.trace.root
    try:
        root.train(training)
        return _step(model)
    except Exception:  # the user's own train(), and what autograd cannot do on meta
        return None
    finally:
        root.eval()
        root.zero_grad(set_to_none=True)


def _step(model: Model) -> TrainingStep | None:
    saved = Saved()
    try:
        output = forward_for_training(model.trace, saved)
    except (Exception, SystemExit, KeyboardInterrupt):
        return _recorded_step(model)  # which passes over what meta alone refuses
    return _recorded_step(model) if saved.spoiled() else _without_gradient(model, output)


def _recorded_step(model: Model) -> TrainingStep | None:
    """A step that knows for each change in place where it was made."""
    saved = Saved()
    forward = trace_for_training(model.trace, model.project, saved=saved)
    if not forward.complete:
        return None
    spoiled = saved.spoiled()
    if spoiled:
        # While its tensors are listened to, autograd does not look after them itself: what it says is the proof.
        error = _error_of_backward(trace_for_training(model.trace, model.project))
        if error is not None:
            shown = [each for each in spoiled if str(list(each[0].shape)) in error]
            changes = (forward.watch.first_change(*each) for each in reversed(shown))
            return TrainingStep(error, next((change for change in changes if change is not None), None))
    return _without_gradient(model, forward.output)


def _without_gradient(model: Model, output: Any) -> TrainingStep:
    """The step that leaves alone the parameters that the gradients of a forward's outputs do not lead to."""
    reached = _reached(output)
    wanting = [(name, each) for name, each in model.trace.root.named_parameters() if each.requires_grad]
    return TrainingStep(without_gradient=frozenset(name for name, each in wanting if each not in reached))


def _reached(output: Any) -> set[torch.Tensor]:
    """The parameters that the gradients of the outputs lead to."""
    waiting = [tensor.grad_fn for tensor in tensors_in(output)]
    seen, parameters = set(), set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            parameters.add(getattr(node, "variable", None))  # what an AccumulateGrad is for
            waiting.extend(source for source, _ in node.next_functions)
    return {parameter for parameter in parameters if isinstance(parameter, torch.Tensor)}


def _error_of_backward(forward: Trace) -> str | None:
    """What autograd says to the backward pass from all outputs, where it refuses a change in place."""
    outputs = [tensor for tensor in tensors_in(forward.output) if tensor.requires_grad]
    try:
        torch.autograd.backward(outputs, [torch.empty_like(tensor) for tensor in outputs])
    except RuntimeError as error:
        return str(error) if refuses_change(error) else None
    return None
