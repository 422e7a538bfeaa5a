"""Feeds a model invented inputs until it says what it takes, and tells which of its faults can be trusted then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from resnet_lint.graph.residuals import depends_on
from resnet_lint.graph.source_places import Project
from resnet_lint.shared.records.places import Shape, Span

from ..tracer.fault import Fault
from ..tracer.trace import Trace, trace
from .better_inputs import blames_inputs, refined
from .guess_inputs import Guesses, arguments, guesses_at

# Sizes at which a fault must show before it counts: at one size, it may be the size's fault and not the model's.
_SIZES_TO_CONFIRM = 3
_MOST_REFINEMENTS = 10


def feed(module: nn.Module, project: Project, known: Sequence[Shape]) -> tuple[Trace, tuple[Fault, ...]]:
    """The best trace of a module with invented inputs, and its faults that show whatever the input.

    `known` are shapes to try first, batch first.
    """
    attempts = list(_attempts(module, project, known))
    best = min(attempts, key=lambda attempt: attempt.trouble)
    return best, _confirmed(best, [attempt for attempt in attempts if attempt.complete])


def _attempts(module: nn.Module, project: Project, known: Sequence[Shape]) -> Iterator[Trace]:
    """Traces at one size after the other: until one is without a fault, or the faults have shown at enough sizes."""
    complete = 0
    for guesses, size in guesses_at(module, known):
        attempt = _best_refinement(module, project, guesses, size)
        yield attempt
        complete += attempt.complete
        if attempt.trouble == (0, 0) or complete >= _SIZES_TO_CONFIRM:
            return


def _best_refinement(module: nn.Module, project: Project, guesses: Guesses, size: tuple[int, int]) -> Trace:
    for _ in range(_MOST_REFINEMENTS):
        attempt = trace(module, *arguments(module, guesses), project)
        better = refined(guesses, attempt, size)
        if better is None or attempt.trouble == (0, 0):
            break
        guesses = better
    return attempt


def _confirmed(best: Trace, complete: Sequence[Trace]) -> tuple[Fault, ...]:
    if len(complete) < _SIZES_TO_CONFIRM:
        return ()
    shown = [fault for fault in best.faults if all(_shows(attempt, fault.point.span) for attempt in complete)]
    blamed = [fault.node for fault in best.faults if blames_inputs(fault)]  # and so is what comes of it
    return tuple(fault for fault in shown if not any(depends_on(fault.node, node) for node in blamed))


def _shows(attempt: Trace, span: Span) -> bool:
    return any(fault.point.span == span for fault in attempt.faults)
