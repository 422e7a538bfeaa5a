"""Runs one request from start to end: the entry point of the engine."""

from __future__ import annotations

from functools import partial

import torch

from resnet_lint.shared.extras import require
from resnet_lint.shared.records.hardware_run import Result, RunRequest, Trained, Training

from .confirm import confirm
from .cost import cost
from .data import Data, read_data, require_classes, require_classifier, require_one_input
from .device import device_of, dtype_of, use
from .events import Events
from .gradients import gradients
from .model_under_test import ModelUnderTest, find_model
from .process_group import process_group


def run(request: RunRequest, events: Events) -> Result:
    """Construct, run, measure and train the model as requested. Raises UsageError if that is impossible."""
    device, dtype = device_of(request.device), dtype_of(request.dtype)
    use(device)
    events.progress("constructing the model")
    tested = find_model(request, device, dtype)
    data = _data(request.training, tested, events)  # loaded first, so that errors in it are reported early
    events.progress("comparing with the prediction")
    confirmation = confirm(tested)
    events.progress("measuring the cost")
    measured = cost(tested, runs=confirmation.error is None)
    if confirmation.error is not None:
        return Result(torch.__version__, tested.setup, confirmation, measured)
    events.progress("measuring the gradients")
    norms = gradients(tested)
    trained = None
    if request.training is not None and data is not None:
        trained = _trained(tested, data, request, events, all_used=not confirmation.without_gradient)
    return Result(torch.__version__, tested.setup, confirmation, measured, norms, trained)


def _data(training: Training | None, tested: ModelUnderTest, events: Events) -> Data | None:
    if training is None:
        return None
    require("torchmetrics")
    events.progress("reading the data")
    require_one_input(tested)
    require_classifier(tested)
    [(_, shape)] = tested.setup.inputs
    data = read_data(training.data, shape[1:], tested.seed)
    require_classes(tested, data)
    return data


def _trained(tested: ModelUnderTest, data: Data, request: RunRequest, events: Events, *, all_used: bool) -> Trained:
    from .train import Trainer

    assert request.training is not None
    with process_group(tested.device) as group:
        trainer = Trainer(tested, data, request.training, request.batch, group)
        return trainer.train(partial(events.progress, "training"), all_used=all_used)
