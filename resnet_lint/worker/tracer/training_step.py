"""A training step on the meta device: finds autograd errors and parameters without a gradient.

Both follow from the forward pass: saved tensors that are modified later, and parameters that are not in the autograd
graph. It is recorded only if there are in-place modifications, to locate them; the backward pass only confirms errors.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from resnet_lint.graph.model import Model, TrainingStep
from resnet_lint.graph.node import Node
from resnet_lint.graph.trace import Trace

from ..tensors import named_parameters_of, parameters_of, tensors_in
from .evaluation_mode import evaluation_mode
from .in_place_changes import Saved, refuses_change
from .trace import forward_for_training, trace_for_training
from .training_mode import changes_in_training


def is_worth_a_step(model: Model) -> bool:
    """Whether a step can find anything: a module with parameters is not called, or tensors are modified in place.

    They may be modified in training mode only.
    """
    called = {id(call.module) for call in model.trace.calls}
    modules = list(nn.Module.modules(model.trace.root))
    idle = any(id(module) not in called and next(parameters_of(module, False), None) is not None for module in modules)
    changes = model.trace.watch.saw_changes or _changes_parameter(model)
    changes |= any(getattr(module, "inplace", False) for module in modules)
    return idle or changes or changes_in_training(model.trace.root, model.project)


def _changes_parameter(model: Model) -> bool:
    """Whether a call modifies a trainable parameter, or a view of one, in place."""
    changed = [node for node in model.trace.nodes if node.in_place]
    trainable = (
        {name for name, tensor in named_parameters_of(model.trace.root) if tensor.requires_grad} if changed else ()
    )
    return any(_origin(node).target in trainable for node in changed)


def _origin(node: Node) -> Node:
    """The tensor at the beginning of the first operands."""
    while node.operands:
        node = node.operands[0]
    return node


def training_step(model: Model) -> TrainingStep:
    """Run a training step of a traced model; if there are parameters without a gradient, also one in eval mode.

    Stochastic depth skips whole blocks in training mode; auxiliary heads may run in training mode only.
    """
    first = _tried(model, training=True)
    if first is not None and (first.error is not None or not first.without_gradient):
        return first
    second = _tried(model, training=False)
    if first is None or second is None:
        return first or second or TrainingStep()
    return TrainingStep(second.error, second.change, first.without_gradient & second.without_gradient)


def _tried(model: Model, training: bool) -> TrainingStep | None:
    """A step in training or eval mode; None if it is not possible."""
    root = model.trace.root
    try:
        root.train(training)
        return _step(model)
    except Exception:  # from the user's train(), or autograd on meta
        return None
    finally:
        evaluation_mode(root)
        root.zero_grad(set_to_none=True)


def _step(model: Model) -> TrainingStep | None:
    saved = Saved()
    try:
        output = forward_for_training(model.trace, saved)
    except (Exception, SystemExit, KeyboardInterrupt):
        return _recorded_step(model)  # skips errors that are specific to meta
    return _recorded_step(model) if saved.spoiled() else _without_gradient(model, output)


def _recorded_step(model: Model) -> TrainingStep | None:
    """A step that locates in-place modifications."""
    saved = Saved()
    forward = trace_for_training(model.trace, saved=saved)
    if not forward.complete:
        refused = forward.watch.refused if model.trace.root.training else None  # eval mode may be without gradients
        if refused is None or forward.stop is None:
            return None
        return TrainingStep(str(forward.stop.error), refused, is_refused=True)
    spoiled = saved.spoiled()
    if spoiled:
        # With hooks on saved tensors, autograd does not check versions, so the backward pass runs without them.
        error = _error_of_backward(trace_for_training(model.trace))
        if error is not None:
            named = [(tensor, version) for tensor, version in spoiled if str(list(tensor.shape)) in error]
            changes = (forward.watch.first_change(tensor, version) for tensor, version in reversed(named))
            return TrainingStep(error, next((change for change in changes if change is not None), None))
    return _without_gradient(model, forward.output)


def _without_gradient(model: Model, output: Any) -> TrainingStep:
    """The step of a forward pass without an autograd error: the parameters that its outputs do not depend on."""
    reached = reached_from(output)
    trainable = [(name, tensor) for name, tensor in named_parameters_of(model.trace.root) if tensor.requires_grad]
    return TrainingStep(without_gradient=frozenset(name for name, tensor in trainable if tensor not in reached))


def reached_from(output: Any) -> set[torch.Tensor]:
    """The parameters in the autograd graph of the outputs."""
    waiting = [tensor.grad_fn for tensor in tensors_in(output)]
    seen, parameters = set(), set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            parameters.add(getattr(node, "variable", None))  # the parameter of an AccumulateGrad
            waiting.extend(source for source, _ in node.next_functions)
    return {parameter for parameter in parameters if isinstance(parameter, torch.Tensor)}


def _error_of_backward(forward: Trace) -> str | None:
    """The error of a backward pass from all outputs, if it is about an in-place modification; else None."""
    outputs = [tensor for tensor in tensors_in(forward.output) if tensor.requires_grad]
    try:
        torch.autograd.backward(outputs, [torch.empty_like(tensor) for tensor in outputs])
    except RuntimeError as error:
        return str(error) if refuses_change(error) else None
    return None
