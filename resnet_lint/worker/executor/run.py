"""One order from the model's file to the result: the engine's table of contents."""

from __future__ import annotations

from functools import partial

import torch

from resnet_lint.shared.extras import require
from resnet_lint.shared.records.hardware_run import Order, Result, Trained, Training

from .confirm import confirm
from .cost import cost
from .data import Data, read_data, require_classes, require_one_input
from .device import device_of, dtype_of
from .events import Events
from .gradients import gradients
from .subject import Subject, find
from .team import team


def run(order: Order, events: Events) -> Result:
    """Build the model of an order and do with it what the order asks. Raises UsageError where that cannot be done."""
    device, dtype = device_of(order.device), dtype_of(order.dtype)
    events.progress("building the model")
    subject = find(order, device, dtype)
    data = _data(order.training, subject, events)  # whatever is wrong with it is told before the work begins
    events.progress("confirming")
    confirmation = confirm(subject)
    events.progress("measuring the cost")
    spent = cost(subject, runs=confirmation.error is None)
    if confirmation.error is not None:
        return Result(torch.__version__, subject.record, confirmation, spent)
    events.progress("measuring the gradients")
    reached = gradients(subject)
    trained = None
    if order.training is not None and data is not None:
        trained = _trained(subject, data, order, events, all_learn=not confirmation.without_gradient)
    return Result(torch.__version__, subject.record, confirmation, spent, reached, trained)


def _data(training: Training | None, subject: Subject, events: Events) -> Data | None:
    if training is None:
        return None
    require("torchmetrics")
    events.progress("reading the data")
    require_one_input(subject)
    [(_, shape)] = subject.record.inputs
    data = read_data(training.data, shape[1:], subject.seed)
    require_classes(subject, data)
    return data


def _trained(subject: Subject, data: Data, order: Order, events: Events, *, all_learn: bool) -> Trained:
    from .train import Trainer

    assert order.training is not None
    with team(subject.device) as together:
        trainer = Trainer(subject, data, order.training, order.batch, together)
        return trainer.train(partial(events.progress, "training"), all_learn=all_learn)
