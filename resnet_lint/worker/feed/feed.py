"""Feeds a model invented inputs until it says what it takes, and tells which of its faults can be trusted then."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from torch import nn

from resnet_lint.graph.residuals import depends_on
from resnet_lint.graph.source_places import Project
from resnet_lint.shared.records.places import Shape, Span

from ..tracer.fault import Fault
from ..tracer.trace import Trace
from .better_inputs import blames_inputs, refined
from .guess_inputs import Guesses, guesses_at
from .search import Effort, Search
from .situation import Situation, is_models_own

# Sizes at which a fault must show before it counts: at one size, it may be the size's fault and not the model's.
_SIZES_TO_CONFIRM = 3
_MOST_REFINEMENTS = 10
_MOST_ALIKE = 3
_SIZE_MATTERS = re.compile(r"too large|too small|[Kk]ernel size|[Pp]adding size|non-zero|output size")


def feed(
    module: nn.Module, project: Project, known: Sequence[Shape], effort: Effort | None = None
) -> tuple[Trace, tuple[Fault, ...]]:
    """The best trace of a module with invented inputs, and its faults that show whatever the input.

    `known` are shapes to try first, batch first.
    """
    search = Search(module, project, effort or Effort())
    attempts = _usual_sizes(search, known)
    if search.found is None and not any(_is_models_own(result) for result in attempts):
        search.best_first()
    if search.found is not None:
        return search.found, ()
    best = min((result.trace for result in attempts), key=lambda attempt: attempt.trouble)
    return best, _confirmed(best, search, [result.trace for result in attempts if result.trace.complete])


def _usual_sizes(search: Search, known: Sequence[Shape]) -> list[Situation]:
    """The best of each size: until one is without a fault, or the faults have shown at enough sizes.

    Where three end alike, word for word, it is not their size that is wrong, and the next have other numbers of axes.
    """
    found: list[Situation] = []
    ends = Counter[str]()
    hopeless: set[tuple[int, ...]] = set()
    for guesses, size in guesses_at(search.module, known):
        ranks = tuple(len(guess.shape) for guess in guesses.values())
        if found and search.spent:
            break
        attempt = _best_refinement(search, guesses, size) if ranks not in hopeless else None
        if attempt is None:
            continue
        found.append(attempt)
        if search.found is not None or sum(result.trace.complete for result in found) >= _SIZES_TO_CONFIRM:
            break
        if not attempt.trace.complete and _SIZE_MATTERS.search(attempt.error_text) is None:
            ends[attempt.error_text] += 1
            hopeless |= {ranks} if ends[attempt.error_text] == _MOST_ALIKE else set()
    return found


def _is_models_own(attempt: Situation) -> bool:
    """Whether a forward came to its end, and what went wrong on the way is no input's fault."""
    return attempt.trace.complete and all(map(is_models_own, attempt.trace.all_faults))


def _best_refinement(search: Search, guesses: Guesses, size: tuple[int, int]) -> Situation | None:
    attempt = None
    for _ in range(_MOST_REFINEMENTS):
        after = search.attempt(guesses, size)
        if after is None:
            break
        attempt = after
        better = refined(guesses, attempt.trace, size) if search.found is None else None
        if better is None:
            break
        guesses = better
    return attempt


def _confirmed(best: Trace, search: Search, complete: Sequence[Trace]) -> tuple[Fault, ...]:
    if len(complete) < _SIZES_TO_CONFIRM:
        return ()
    shown = [fault for fault in best.faults if all(_shows(attempt, fault.point.span) for attempt in complete)]
    blamed = [fault.node for fault in best.faults if blames_inputs(fault)]  # and so is what comes of it
    return tuple(fault for fault in shown if not any(depends_on(fault.node, node) for node in blamed))


def _shows(attempt: Trace, span: Span) -> bool:
    return any(fault.point.span == span for fault in attempt.faults)
