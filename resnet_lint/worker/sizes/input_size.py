"""Sizes that depend on one size of the input, such as `(H + 1)//2`.

Every model with an addition needs these, so they are numbers only. sympy, whose import takes a tenth of that of torch,
is needed to print them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce


@dataclass(frozen=True)
class Step:
    """A change of a size to `(factor * size + shift) // divisor`."""

    factor: int = 1
    shift: int = 0
    divisor: int = 1

    def of(self, size: int) -> int:
        """The changed size."""
        return (self.factor * size + self.shift) // self.divisor


@dataclass(frozen=True)
class InputSize:
    """The size of the input along an axis, `H` or `W`, changed by some steps; equal sizes have equal steps."""

    axis: str
    steps: tuple[Step, ...] = ()

    def then(self, step: Step) -> InputSize:
        """The size after another step."""
        return InputSize(self.axis, _joined(self.steps, step))

    def at(self, size: int) -> int:
        """The size if that of the input is `size`."""
        return reduce(lambda number, step: step.of(number), self.steps, size)

    @property
    def enlarges(self) -> bool:
        """Whether the steps involve upsampling."""
        return any(step.factor > 1 for step in self.steps)

    @property
    def text(self) -> str:
        """As Python: `ceil(H/2)`."""
        from .print_sizes import size_text
        from .size_expressions import size_symbol, stepped

        expression = size_symbol(self.axis)
        for step in self.steps:
            expression = stepped(expression, step.factor, step.shift, step.divisor)
        return size_text(expression)


def _joined(steps: Sequence[Step], step: Step) -> tuple[Step, ...]:
    """The steps and one more, with as few steps and as small shifts as possible."""
    step = _reduced(step)
    if not steps:
        return () if step == Step() else (step,)
    *before, last = steps
    if last.divisor == 1:
        return _joined(before, Step(step.factor * last.factor, step.factor * last.shift + step.shift, step.divisor))
    if step.factor == 1:
        return _joined(before, Step(last.factor, last.shift + step.shift * last.divisor, last.divisor * step.divisor))
    whole, rest = divmod(last.shift, last.divisor)
    last = Step(last.factor, rest, last.divisor)
    return (*before, last, Step(step.factor, step.shift + step.factor * whole, step.divisor))


def _reduced(step: Step) -> Step:
    """The same step with a factor and a divisor that have no common factor."""
    common = math.gcd(step.factor, step.divisor)
    return Step(step.factor // common, step.shift // common, step.divisor // common)
