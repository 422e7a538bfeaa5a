"""Finds out which parameters get a gradient in training steps on meta: always, sometimes or never."""

from __future__ import annotations

import random

import torch

from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.records.gradients import Gradients, ParameterGradient

from ..process.file_clock import Clock
from ..process.limits import TimeUp
from ..tensors import named_parameters_of
from ..tracer.evaluation_mode import evaluation_mode
from ..tracer.in_place_changes import Saved
from ..tracer.trace import forward_for_training
from ..tracer.training_step import reached_from

_STEPS = 4
"""Training steps with different random numbers, such as those of stochastic depth."""


def gradients_of(trace: Trace, within: str, clock: Clock) -> Gradients:
    """The gradients of the trainable parameters of a model, or of those below the submodule `within`."""
    if trace.trouble != (0, 0):
        return Gradients((), 0, "the forward pass fails")
    prefix = f"{within}." if within else ""
    named = named_parameters_of(trace.root)
    trainable = {name: tensor for name, tensor in named if tensor.requires_grad and name.startswith(prefix)}
    try:
        with clock.left():
            training = [_reached(trace, training=True, seed=seed) for seed in range(_STEPS)]
            evaluation = _reached(trace, training=False, seed=0)
    except TimeUp as error:
        return Gradients((), 0, clock.why(error))
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # from the user's forward
        return Gradients((), 0, error_text(error))
    parameters = (
        ParameterGradient(name, sum(tensor in reached for reached in training), tensor in evaluation)
        for name, tensor in trainable.items()
    )
    return Gradients(tuple(parameters), _STEPS)


def _reached(trace: Trace, training: bool, seed: int) -> set[torch.Tensor]:
    """The parameters on which the outputs of one forward pass depend."""
    random.seed(seed)
    torch.manual_seed(seed)
    try:
        trace.root.train(training)
        return reached_from(forward_for_training(trace, Saved()))
    finally:
        evaluation_mode(trace.root)
