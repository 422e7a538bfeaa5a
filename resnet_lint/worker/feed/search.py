"""Searches for inputs that a model accepts: best-first, by the progress of the forward pass."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.notation import written_input

from ..process.process_clock import ProcessClock
from ..tracer.trace import trace
from .guess import Guesses
from .guess_inputs import arguments
from .proposals import proposals
from .rectangles import is_by_coincidence
from .situation import Axis, Situation, copy_of_lazy, is_lazy
from .sizes_to_try import sizes_to_try, solved_sizes

# The maximum number of elements of an input.
_MOST_VALUES = 1 << 34
_MOST_EXAMPLES = 6


@dataclass(frozen=True)
class Effort:
    """The limits of a search: the number of traces, and the seconds after which no further ones start."""

    traces: int = 100
    seconds: float = 4.0
    least: int = 12


@dataclass
class Search:
    """A search for the inputs of a model. `situations` are the results so far, `tried` the guesses that were tried.

    `found` is a trace without faults, which ends the search.
    """

    module: nn.Module
    project: Project
    effort: Effort = field(default_factory=Effort)
    situations: list[Situation] = field(default_factory=list)
    found: Trace | None = None

    def __post_init__(self) -> None:
        self.is_lazy = is_lazy(self.module)  # for good: copies of a lazy module are traced
        self._tried: set[frozenset[object]] = set()
        self._clock = ProcessClock()
        self._traces = 0

    @property
    def spent(self) -> bool:
        """Whether the limits are reached."""
        late = self._clock.seconds > self.effort.seconds and self._traces >= self.effort.least
        return late or self._traces >= self.effort.traces

    @property
    def tried(self) -> str:
        """What was tried, with an example for each combination of ranks."""
        examples: dict[tuple[int, ...], str] = {}
        for situation in self.situations:
            ranks = tuple(len(guess.shape) for guess in situation.guesses.values())
            examples.setdefault(ranks, _written(situation.guesses))
        shown = [example for example in examples.values() if example][:_MOST_EXAMPLES]
        return f"none of {self._traces} inputs fits, such as {', '.join(shown)}"

    def attempt(
        self, guesses: Guesses, size: tuple[int, int], before: Situation | None = None, changed: Axis | None = None
    ) -> Situation | None:
        """Trace with some guesses; None if they were tried before, or are too large."""
        key: frozenset[object] = frozenset(guesses.items())
        if key in self._tried or any(math.prod(guess.shape) > _MOST_VALUES for guess in guesses.values()):
            return None
        self._tried.add(key)
        self._traces += 1
        module = copy_of_lazy(self.module) if self.is_lazy else self.module  # its first input sets a lazy layer
        result = trace(module, *arguments(module, guesses), self.project)
        situation = Situation(self.module, guesses, result, size, before, changed)
        self.situations.append(situation)
        if result.trouble == (0, 0) and not is_by_coincidence(situation):
            self.found = result
        return situation

    def best_first(self) -> None:
        """Continue from the situations so far, until a trace has no faults or the limits are reached."""
        order = count()
        queue = [(-start.progress, next(order), start, _next_guesses(start)) for start in self.situations]
        heapq.heapify(queue)
        while queue and self.found is None and not self.spent:
            _, _, situation, left = queue[0]
            guesses, axis = next(left, (None, None))
            if guesses is None:
                heapq.heappop(queue)
                continue
            after = self.attempt(guesses, situation.size, situation, axis)
            if after is not None:
                for result in (after, *self._solved(after)):
                    heapq.heappush(queue, (-result.progress, next(order), result, _next_guesses(result)))

    def _solved(self, situation: Situation) -> Iterator[Situation]:
        """Traces with the size that solves the equation, if the last change of a size changed the difference."""
        for guesses, axis in solved_sizes(situation):
            result = self.attempt(guesses, situation.size, situation, axis) if self.found is None else None
            if result is not None:
                yield result


def _written(guesses: Guesses) -> str:
    tensors = {name: guess for name, guess in guesses.items() if guess.kind == "tensor"}
    return " ".join(written_input(name, guess.shape, str(guess.dtype)) for name, guess in tensors.items())


def _next_guesses(situation: Situation) -> Iterator[tuple[Guesses, Axis | None]]:
    for guesses, axis in sizes_to_try(situation):
        if axis is not None and situation.changed is not None:
            yield guesses, axis
    for guesses in proposals(situation):
        yield guesses, None
    yield from sizes_to_try(situation)
