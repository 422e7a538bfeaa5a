"""Which forward to show: that of the file's main model, or of the part of it that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.source_places import Project
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.requests import Request

from ..explore.main_model import Candidates, candidates, main_model
from ..explore.traced_model import Traced
from ..process.file_clock import Clock
from ..symbolic.symbolic_trace import SymbolicTrace, symbolic_trace
from ..tracer.trace import Trace


@dataclass(frozen=True, eq=False)
class Subject:
    """A recorded forward, and the call in it that is to be shown: the whole model's, or that of one of its parts.

    `symbolic` is the same forward with sizes as symbols; `unsymbolic` says why it did not do the same, if it did not.
    """

    project: Project
    label: str
    trace: Trace
    call: ModuleCall
    others: tuple[str, ...]
    symbolic: SymbolicTrace
    unsymbolic: str | None
    clock: Clock

    def symbolic_shapes(self) -> Mapping[str, tuple[str, ...]]:
        """The shapes in the sizes of the inputs, by the names of the graph's nodes."""
        if self.unsymbolic is not None:
            return {}
        nodes = (node for node in self.symbolic.graph.nodes if node.meta["symbolic"] is not None)
        return {node.name: self.symbolic.people_shape(node) for node in nodes}


def find(request: Request) -> Subject:
    """The forward that a request asks for. Raises UsageError where no model can be found, built or fed."""
    models = candidates(request)
    part = _as_part(models) if request.call is None else None
    chosen, others = (part[0], []) if part is not None else main_model(models)
    project, trace = models.loaded.project, chosen.trace
    call = _root_call(trace) if part is None else next(_calls_of(part[1], trace))
    symbolic = symbolic_trace(trace, project)
    unsymbolic = _why_other(symbolic.trace, trace)
    return Subject(project, chosen.label, trace, call, tuple(others), symbolic, unsymbolic, models.clock)


def _as_part(models: Candidates) -> tuple[Traced, type[nn.Module]] | None:
    """The class asked for and the first model that calls it, where the file does not build it as a model itself."""
    kind = next((model.type for model in models.classes if model.name == models.request.only_class), None)
    own = [traced for traced in models.found.traced if type(traced.trace.root) is kind]
    if kind is None or any(traced.invented is None for traced in own):
        return None
    callers = (traced for traced in models.found.traced if traced not in own and any(_calls_of(kind, traced.trace)))
    return next(((traced, kind) for traced in callers), None)


def _calls_of(kind: type[nn.Module], trace: Trace) -> Iterator[ModuleCall]:
    """The calls of a class; those in which a fault lies first, as they tell more."""
    for fault in trace.all_faults:
        yield from (call for call in fault.call.with_callers() if type(call.module) is kind)
    yield from (call for call in trace.calls if type(call.module) is kind)


def _root_call(trace: Trace) -> ModuleCall:
    """The call of the model itself; one that ended early is known by the calls inside it."""
    for node in reversed(trace.graph.nodes):
        call: ModuleCall | None = node.meta["call"]
        if call is not None:
            return list(call.with_callers())[-1]
    reason = trace.stop.reason if trace.stop is not None else "it calls no torch function"
    raise UsageError(f"{type(trace.root).__name__} shows nothing to draw: {reason}")


def _why_other(symbolic: Trace, concrete: Trace) -> str | None:
    """Why a forward with sizes as symbols did not do the same as with numbers; None where it did."""
    if symbolic.stop is not None and concrete.stop is None:
        return symbolic.stop.reason
    names = ([node.name for node in trace.graph.nodes] for trace in (symbolic, concrete))
    return None if next(names) == next(names) else "with sizes as symbols it makes other calls"
