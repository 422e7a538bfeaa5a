"""Which forward to show: that of the file's main model, or of the part of it that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import UsageError
from ...model.attempts import Traced
from ...model.main_model import Candidates, candidates, main_model
from ...records import Request
from ...shapes.calls import ModuleCall
from ...shapes.place import Project
from ...shapes.trace import Trace


@dataclass(frozen=True, eq=False)
class Subject:
    """A recorded forward, and the call in it that is to be shown: the whole model's, or that of one of its parts."""

    project: Project
    label: str
    trace: Trace
    call: ModuleCall
    others: tuple[str, ...] = ()


def find(request: Request) -> Subject:
    """The forward that a request asks for. Raises UsageError where no model can be found, built or fed."""
    models = candidates(request)
    part = _as_part(models) if request.call is None else None
    if part is not None:
        traced, shown = part
        return Subject(models.loaded.project, traced.label, traced.trace, shown)
    traced, others = main_model(models)
    return Subject(models.loaded.project, traced.label, traced.trace, _root_call(traced.trace), tuple(others))


def _as_part(models: Candidates) -> tuple[Traced, ModuleCall] | None:
    """The first call of the class asked for, where it was met as a part of other models only."""
    kind = next((model.type for model in models.classes if model.name == models.request.only_class), None)
    if kind is None or any(type(traced.trace.root) is kind for traced in models.found.traced):
        return None
    for traced in models.found.traced:
        for call in _all_calls(traced.trace):
            if type(call.module) is kind:
                return traced, call
    return None


def _all_calls(trace: Trace) -> Iterator[ModuleCall]:
    """The calls in which a fault lies first, as they tell more; then all others that came to their end."""
    for fault in trace.all_faults:
        yield from fault.call.with_callers()
    yield from trace.calls


def _root_call(trace: Trace) -> ModuleCall:
    """The call of the model itself; one that ended early is known by the calls inside it."""
    for node in reversed(trace.graph.nodes):
        call: ModuleCall | None = node.meta["call"]
        if call is not None:
            return list(call.with_callers())[-1]
    reason = trace.stop.reason if trace.stop is not None else "it calls no torch function"
    raise UsageError(f"{type(trace.root).__name__} shows nothing to draw: {reason}")
