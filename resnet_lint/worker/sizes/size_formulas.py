"""The size of an axis as a function of the size of an axis of the input, exact for whole numbers.

A convolution, a pooling, a slice and a resizing all compute `(factor * size + shift) // divisor`. One such step after
another is often one step again, as floor((floor(s / b) + c) / d) = floor((s + b * c) / (b * d)); what cannot be joined
stays a chain. So layers that keep the size leave no step, and two sides of a skip connection that round alike have
equal chains, with nothing to evaluate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """`(factor * size + shift) // divisor`."""

    factor: int = 1
    shift: int = 0
    divisor: int = 1

    def at(self, size: int) -> int:
        return (self.factor * size + self.shift) // self.divisor

    def text(self, size: str) -> str:
        """The step done to a size, as people write it: `H//2`, `ceil(H/2)`, `2*(H//4)`."""
        if self.factor != 1:
            size = f"{self.factor}*{_bracketed(size)}"
        whole, rest = divmod(self.shift, self.divisor)
        if self.divisor > 1 and rest == self.divisor - 1:
            size = f"ceil({_bracketed(size)}/{self.divisor})"
        elif self.divisor > 1:
            size = f"{_bracketed(f'{size} + {rest}' if rest else size)}//{self.divisor}"
        return f"{size} {'-' if whole < 0 else '+'} {abs(whole)}" if whole else size

    def then(self, later: Step) -> Step | None:
        """Both steps as one; None where that takes two."""
        if later.factor != 1 and self.divisor != 1:
            return None
        divisor = self.divisor * later.divisor
        return Step(self.factor * later.factor, self.shift * later.factor + self.divisor * later.shift, divisor)


@dataclass(frozen=True)
class Size:
    """The size of an axis: the steps that lead to it from axis number `axis` of the input."""

    axis: int
    steps: tuple[Step, ...] = ()

    def at(self, size: int) -> int:
        """This size where the input's axis has `size`."""
        for step in self.steps:
            size = step.at(size)
        return size

    def after(self, step: Step) -> Size:
        """The size that a step makes of this one."""
        joined = self.steps[-1].then(step) if self.steps else step
        steps = (*self.steps, step) if joined is None else (*self.steps[:-1], joined)
        return Size(self.axis, tuple(each for each in steps if each != Step()))

    def text(self, name: str) -> str:
        """This size as people write it, where the input's axis is called `name`."""
        for step in self.steps:
            name = step.text(name)
        return name

    @property
    def grows(self) -> bool:
        """Whether an upsampling is on the way."""
        return any(step.factor > 1 for step in self.steps)


def _bracketed(text: str) -> str:
    whole = text.isalnum() or (text.startswith("ceil(") and text.endswith(")"))
    return text if whole else f"({text})"
