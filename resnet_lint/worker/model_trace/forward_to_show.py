"""Selects the forward pass to show: that of the file's main model, or of the requested submodule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from torch import nn

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.requests import TraceRequest

from ..explore.main_model import Candidates, candidates, main_model
from ..explore.traced_model import Traced
from ..process.file_clock import Clock
from ..symbolic.symbolic_trace import SymbolicTrace, symbolic_trace


@dataclass(frozen=True, eq=False)
class ForwardToShow:
    """A recorded forward pass and the module call in it to show: that of the whole model or of a submodule.

    `symbolic` is the same forward pass with symbolic sizes; `unsymbolic` is the reason if it took a different path.
    """

    label: str
    trace: Trace
    call: ModuleCall
    others: tuple[str, ...]
    symbolic: SymbolicTrace
    unsymbolic: str | None
    clock: Clock

    def symbolic_shapes(self) -> Mapping[str, tuple[str, ...]]:
        """Map the names of fx nodes to their shapes in terms of the input sizes."""
        if self.unsymbolic is not None:
            return {}
        nodes = (node for node in self.symbolic.nodes if self.symbolic.expressions[node] is not None)
        return {node.name: self.symbolic.shape_text(node) for node in nodes}


def find_forward(request: TraceRequest) -> ForwardToShow:
    """The requested forward pass. Raises UsageError if no model can be found, constructed or given inputs."""
    models = candidates(request)
    part = _called_part(models) if request.call is None else None
    chosen, others = (part[0], []) if part is not None else main_model(models)
    trace = chosen.trace
    whole = forward_of(trace, chosen.label, models.clock)
    call = whole.call if part is None else next(_calls_of(part[1], trace))
    return replace(whole, call=call, others=tuple(others))


def forward_of(trace: Trace, label: str, clock: Clock) -> ForwardToShow:
    """The forward pass of a whole model. Raises UsageError where it calls no torch function."""
    call, symbolic = _root_call(trace), symbolic_trace(trace)
    return ForwardToShow(label, trace, call, (), symbolic, _why_symbolic_differs(symbolic.trace, trace), clock)


def _called_part(models: Candidates) -> tuple[Traced, type[nn.Module]] | None:
    """The requested class and the first model that calls it, unless the file constructs the class on its own."""
    kind = next((model.type for model in models.classes if model.name == models.request.only_class), None)
    own = [traced for traced in models.found.traced if type(traced.trace.root) is kind]
    if kind is None or any(traced.invented is None for traced in own):
        return None
    callers = (traced for traced in models.found.traced if traced not in own and any(_calls_of(kind, traced.trace)))
    return next(((traced, kind) for traced in callers), None)


def _calls_of(kind: type[nn.Module], trace: Trace) -> Iterator[ModuleCall]:
    """The calls of modules of a class, those with a fault inside first."""
    for fault in trace.all_faults:
        yield from (call for call in fault.call.with_callers() if type(call.module) is kind)
    yield from (call for call in trace.calls if type(call.module) is kind)


def _root_call(trace: Trace) -> ModuleCall:
    """The call of the model itself, found through the calls inside it if it ended early."""
    for node in reversed(trace.nodes):
        call: ModuleCall | None = node.call
        if call is not None:
            return list(call.with_callers())[-1]
    reason = trace.stop.reason if trace.stop is not None else "it calls no torch function"
    raise UsageError(f"{type(trace.root).__name__} has nothing to show: {reason}")


def _why_symbolic_differs(symbolic: Trace, concrete: Trace) -> str | None:
    """Why the forward pass with symbolic sizes differs from the concrete one; None if it does not."""
    if symbolic.stop is not None and concrete.stop is None:
        return symbolic.stop.reason
    names = ([node.name for node in trace.nodes] for trace in (symbolic, concrete))
    return None if next(names) == next(names) else "the forward pass makes different calls with symbolic sizes"
