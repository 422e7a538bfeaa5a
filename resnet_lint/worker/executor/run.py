"""One order from the model's file to the result: the engine's table of contents."""

from __future__ import annotations

from functools import partial

import torch

from resnet_lint.shared.extras import require
from resnet_lint.shared.records.hardware_run import Result, RunRequest, Trained, Training

from .confirm import confirm
from .cost import cost
from .data import Data, read_data, require_classes, require_one_input
from .device import device_of, dtype_of
from .events import Events
from .gradients import gradients
from .model_under_test import ModelUnderTest, find_model
from .process_group import process_group


def run(request: RunRequest, events: Events) -> Result:
    """Build the model of an order and do with it what the order asks. Raises UsageError where that cannot be done."""
    device, dtype = device_of(request.device), dtype_of(request.dtype)
    events.progress("building the model")
    tested = find_model(request, device, dtype)
    data = _data(request.training, tested, events)  # whatever is wrong with it is told before the work begins
    events.progress("confirming")
    confirmation = confirm(tested)
    events.progress("measuring the cost")
    spent = cost(tested, runs=confirmation.error is None)
    if confirmation.error is not None:
        return Result(torch.__version__, tested.setup, confirmation, spent)
    events.progress("measuring the gradients")
    reached = gradients(tested)
    trained = None
    if request.training is not None and data is not None:
        trained = _trained(tested, data, request, events, all_used=not confirmation.without_gradient)
    return Result(torch.__version__, tested.setup, confirmation, spent, reached, trained)


def _data(training: Training | None, tested: ModelUnderTest, events: Events) -> Data | None:
    if training is None:
        return None
    require("torchmetrics")
    events.progress("reading the data")
    require_one_input(tested)
    [(_, shape)] = tested.setup.inputs
    data = read_data(training.data, shape[1:], tested.seed)
    require_classes(tested, data)
    return data


def _trained(tested: ModelUnderTest, data: Data, request: RunRequest, events: Events, *, all_used: bool) -> Trained:
    from .train import Trainer

    assert request.training is not None
    with process_group(tested.device) as together:
        trainer = Trainer(tested, data, request.training, request.batch, together)
        return trainer.train(partial(events.progress, "training"), all_used=all_used)
