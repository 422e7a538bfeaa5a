"""Additional runs of a model, on the request of a rule and within the time limit of the file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..graph.axes import Axes
from ..graph.model import Model, OtherBatch, TrainingStep
from ..graph.module_call import ModuleCall
from ..graph.samples import Samples
from ..graph.source_places import Point
from .axes.find_axes import axes_by_side, find_axes
from .axes.inner_models import inner_models
from .axes.other_orders import in_order
from .process.file_clock import Clock
from .process.limits import TimeUp
from .samples.dyed_recorder import Known
from .samples.follow_samples import Followed, followed_batch, samples_of
from .tracer.other_batch import at_other_batch
from .tracer.training_step import is_worth_a_step, training_step


class TimedProbes:
    """The probes of a file; they return None when its time is up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._over = False
        self._known_calls: Known = {}
        self._batches: dict[Model, Followed | None] = {}

    def at_other_batch(self, model: Model) -> OtherBatch | None:
        with suppress(TimeUp):
            if not self._over:
                return self._other_batch(model)
        self._over = True
        return None

    def training_step(self, model: Model) -> TrainingStep | None:
        with suppress(TimeUp):
            if not self._over:
                return self._training_step(model)
        self._over = True
        return TrainingStep(in_time=False)

    def axes(self, model: Model) -> Axes | None:
        with suppress(TimeUp):
            if not self._over and not model.trace.is_real and not model.trace.all_faults:
                with self._clock.left():
                    batched = self._followed(model) if not model.is_part else None
                    return find_axes(model.trace, batched.trace if batched is not None else None)
            return None
        self._over = True
        return None

    def axes_by_side(self, model: Model) -> Axes | None:
        with suppress(TimeUp):
            if not self._over and model.axes is not None:
                with self._clock.left():
                    return axes_by_side(model.trace, model.axes)
            return None
        self._over = True
        return None

    def inner(self, model: Model) -> tuple[Model, ...]:
        found: list[Model] = []
        with suppress(TimeUp):
            if not self._over:
                with self._clock.left():
                    found.extend(inner_models(model))
                return tuple(found)
        self._over = True
        return tuple(found)

    def in_order(self, model: Model, call: ModuleCall, place: Point, order: Sequence[int]) -> Model | None:
        with suppress(TimeUp):
            if not self._over:
                with self._clock.left():
                    return in_order(model, call, place, order)
            return None
        self._over = True
        return None

    def samples(self, model: Model) -> Samples | None:
        with suppress(TimeUp):
            if not self._over:
                with self._clock.left():
                    first = self._followed(model)
                    return samples_of(model, first, self._known_calls) if first is not None else None
        self._over = True
        return None

    def _followed(self, model: Model) -> Followed | None:
        """The trace of a model with its samples tracked, which gives both the samples and the axes of the batch."""
        if model not in self._batches:
            self._batches[model] = followed_batch(model, self._known_calls)
        return self._batches[model]

    def _other_batch(self, model: Model) -> OtherBatch | None:
        with self._clock.left():
            return at_other_batch(model)

    def _training_step(self, model: Model) -> TrainingStep | None:
        with self._clock.left():
            return training_step(model) if is_worth_a_step(model) else None
