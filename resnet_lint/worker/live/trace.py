"""The trace and the input contract of a model object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resnet_lint.shared.records.model_trace import ModelTrace

from ..model_trace.forward_to_show import forward_of
from ..model_trace.model_trace import records_of
from ..torch_quirks.dynamo import stood_in
from .random_state import random_state_kept
from .subject import LiveModel, live_model


def trace_live(given: object, args: tuple[Any, ...], kwargs: Mapping[str, Any], seconds: float) -> ModelTrace:
    """Trace a model: the shapes in it, and its input contract. `seconds` is the time limit. Raises UsageError."""
    with random_state_kept(), stood_in():
        return _records(live_model(given, args, kwargs, seconds))


def trace_of_checked(live: LiveModel) -> ModelTrace:
    """The trace of a model that was checked. Raises UsageError if it has nothing to show."""
    with random_state_kept(), stood_in():
        return _records(live)


def _records(live: LiveModel) -> ModelTrace:
    return records_of(forward_of(live.traced.trace, live.traced.label, live.clock), live.path)
