"""The check of a model object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from torch import nn

from resnet_lint.apply_rules import check, merged
from resnet_lint.graph.analysis import Analysis
from resnet_lint.graph.model import Model
from resnet_lint.graph.syntax import tree_of
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.evidence import Problem, SizeLimit
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.reports import ClassStatus, FileReport

from ..failures import failures_of_given
from ..load.classes import class_nodes
from ..outcomes import outcome
from ..probes import TimedProbes
from ..process.limits import TimeUp
from ..sizes.size_limits import size_limits
from ..torch_quirks.dynamo import stood_in
from ..torch_quirks.meta_kernels import remembered_kernels
from .random_state import random_state_kept
from .subject import LiveModel, live_model


def check_live(
    given: object, args: tuple[Any, ...], kwargs: Mapping[str, Any], seconds: float
) -> tuple[FileReport, LiveModel]:
    """Check a model: the findings and the status of its classes, and the traced copy. `seconds` is the time limit.

    Raises UsageError.
    """
    with random_state_kept(), stood_in(), remembered_kernels():
        live = live_model(given, args, kwargs, seconds)
        traced, trace = live.traced, live.traced.trace
        complete = Model(trace, traced.label, TimedProbes(live.clock))
        analysis = Analysis(
            live.path,
            tuple(_problems(live)),
            tuple(failures_of_given([traced], live.clock)),
            tuple(_statuses(live)),
            tuple(_limits(live)),
            (complete,) if trace.complete else (),
        )
        outcomes = () if analysis.classes else (outcome(traced.label, trace),)  # a model of torch's own layers
        return FileReport(live.path, merged(check(analysis, load_rules())), analysis.classes, outcomes=outcomes), live


def _limits(live: LiveModel) -> Iterator[SizeLimit]:
    traced = live.traced
    if not traced.trace.is_real:
        reported = {fault.point.span for fault in traced.trace.all_faults}
        with suppress(TimeUp), live.clock.left():
            yield from size_limits(Model(traced.trace, traced.label), traced.sizes_stated, reported)


def _problems(live: LiveModel) -> Iterator[Problem]:
    """The reason why the forward pass ended early, if it is not a fault."""
    stop = live.traced.trace.stop
    if stop is not None:
        kind = type(live.traced.trace.root)
        start = Position(_line_of(kind), 1)
        yield Problem("trace", Span(live.path, start, start), stop.reason, kind.__name__)


def _statuses(live: LiveModel) -> Iterator[ClassStatus]:
    """The status of the user's classes in the model: checked if one of their calls completed."""
    trace = live.traced.trace
    done = {type(call.module): call.path for call in reversed(trace.calls)}
    for kind in dict.fromkeys(type(module) for module in nn.Module.modules(trace.root)):
        code = getattr(kind.forward, "__code__", None)
        if code is None or not live.project.owns(code):
            continue
        path, line = code.co_filename, _line_of(kind)
        if kind in done:
            how = f"{live.traced.label} -> {done[kind]}" if done[kind] else live.traced.label
            yield ClassStatus(path, kind.__qualname__, line, "checked", how)
        elif trace.complete:
            yield ClassStatus(path, kind.__qualname__, line, "skipped", None, "not called by the model")
        else:
            yield ClassStatus(path, kind.__qualname__, line, "failed", None, "the forward pass ends early")


def _line_of(kind: type[nn.Module]) -> int:
    code = kind.forward.__code__
    node = dict(class_nodes(tree_of(code.co_filename).body)).get(kind.__qualname__)
    return code.co_firstlineno if node is None else node.lineno  # None: for example, a class in a function
