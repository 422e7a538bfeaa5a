"""One order from the model's file to the result: the engine's table of contents."""

from __future__ import annotations

import torch

from ..records import Order, Result
from .confirm import confirm
from .cost import cost
from .device import device_of, dtype_of
from .events import Events
from .gradients import gradients
from .subject import find


def run(order: Order, events: Events) -> Result:
    """Build the model of an order and do with it what the order asks. Raises UsageError where that cannot be done."""
    device, dtype = device_of(order.device), dtype_of(order.dtype)
    events.progress("building the model")
    subject = find(order, device, dtype)
    events.progress("confirming")
    confirmation = confirm(subject)
    events.progress("measuring the cost")
    spent = cost(subject, runs=confirmation.error is None)
    if confirmation.error is not None:
        return Result(torch.__version__, subject.record, confirmation, spent)
    events.progress("measuring the gradients")
    return Result(torch.__version__, subject.record, confirmation, spent, gradients(subject))
