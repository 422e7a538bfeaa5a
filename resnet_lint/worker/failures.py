"""Converts faults in the models of a file to failures for the rules: those to report, with their conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from resnet_lint.graph.fault import Fault

from ..graph.model import Model
from ..shared.evidence import Failure
from ..shared.records.places import Span
from .contracts.proofs import contract_in_time
from .explain.explain import explain
from .explore.explore import Exploration
from .explore.traced_model import Traced
from .load.load import Loaded
from .process.file_clock import Clock
from .process.limits import TimeUp
from .sizes.failing_sizes import FaultySizes

if TYPE_CHECKING:
    from .contracts.constructor_contract import ConstructorContract


def failures(loaded: Loaded, found: Exploration, clock: Clock) -> Iterator[Failure]:
    """The failures in models that the file constructs, and in classes constructed with guessed arguments only."""
    given = [traced for traced in found.traced if traced.invented is None]
    yield from failures_of_given(given, clock)
    for model in {t.model_class.name: t.model_class for t in found.traced if t.model_class is not None}.values():
        tries = [t for t in found.traced if t.model_class is model and _says_something(t)]
        fails = any(fault.kind == "addition" for traced in tries for fault in traced.faults)
        yield from _of_invented(tries, loaded, contract_in_time(model, loaded, clock) if fails else None)
    yield from found.failures


def _says_something(traced: Traced) -> bool:
    """Whether the arguments were guessed, and the class either must accept them or demonstrably does."""
    return traced.invented is not None and (traced.invented.sure or traced.trace.trouble == (0, 0))


def failures_of_given(given: Sequence[Traced], clock: Clock) -> Iterator[Failure]:
    """The failures in models whose arguments are from the file."""
    reported: set[Span] = set()
    for traced in given:
        sizes = FaultySizes(Model(traced.trace, traced.label))
        for fault in traced.faults:
            failure = explain(fault, traced.trace, traced.label)
            yield (
                failure
                if failure.span in reported or traced.trace.is_real
                else _with_sizes(failure, fault, sizes, clock)
            )
            reported.add(failure.span)


def _with_sizes(failure: Failure, fault: Fault, sizes: FaultySizes, clock: Clock) -> Failure:
    """Add the sizes that would work to a failing join, if there are any and time permits."""
    if failure.kind in ("addition", "concatenation"):
        with suppress(TimeUp), clock.one_attempt():
            return sizes.with_sizes(failure, fault)
    return failure


def _of_invented(tries: Sequence[Traced], loaded: Loaded, contract: ConstructorContract | None) -> Iterator[Failure]:
    """The failures of a class with guessed arguments: unconditional if all tries fail, else under a condition.

    The condition is that of the contract, if there is one; the shapes are those of the tries.
    """
    for fault, traced in _first_of_each_span(tries):
        failing = [t for t in tries if any(f.point.span == fault.point.span for f in t.faults)]
        working = [t for t in tries if t.trace.complete and t not in failing]
        if all(_has_switch(t, working) for t in failing):
            continue
        if not working and len(failing) == len(tries) and (contract is None or not contract.works):
            yield _explained(fault, traced, loaded)
        elif contract is not None and contract.condition is not None and contract.works:
            failure = _explained(fault, traced, loaded, _arguments_text(traced, contract))
            yield replace(failure, contract=contract.condition)
        elif working and _varied(traced):
            yield _explained(fault, traced, loaded, " or ".join(filter(None, map(_varied, failing))))


def _has_switch(failing: Traced, working: Sequence[Traced]) -> bool:
    """Whether an option of the class makes the arguments of a failing try work, so that the caller has to set it."""
    switched = [t.invented for t in working if t.invented is not None and t.invented.switched is not None]
    return failing.invented is not None and any(option.without_switch == failing.invented.kwargs for option in switched)


def _first_of_each_span(tries: Sequence[Traced]) -> Iterator[tuple[Fault, Traced]]:
    reported: set[Span] = set()
    for traced in tries:
        for fault in traced.faults:
            if fault.point.span not in reported:
                reported.add(fault.point.span)
                yield fault, traced


def _varied(traced: Traced) -> str | None:
    """The arguments that differ from those of the simplest try, as part of a message."""
    return traced.invented.varied if traced.invented is not None else None


def _arguments_text(traced: Traced, contract: ConstructorContract) -> str:
    """The arguments of a try that occur in the contract: `cin is 64, stride is 2`."""
    arguments = traced.invented.kwargs if traced.invented is not None else {}
    return ", ".join(f"{name} is {arguments[name]}" for name in contract.names if name in arguments)


def _explained(fault: Fault, traced: Traced, loaded: Loaded, condition: str | None = None) -> Failure:
    return explain(fault, traced.trace, traced.label, condition)
