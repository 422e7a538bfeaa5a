"""Frozen records of the parameters that get a gradient."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ParameterGradient:
    """A trainable parameter: the number of training steps with a gradient, and whether evaluation mode gives one."""

    name: str
    steps: int
    evaluation: bool


@dataclass(frozen=True)
class Gradients:
    """The trainable parameters of a model, and their gradients in some training steps from all outputs.

    `doubt` is the reason why they are unknown, if they are.
    """

    parameters: tuple[ParameterGradient, ...]
    steps: int
    doubt: str | None = None

    @property
    def always(self) -> tuple[ParameterGradient, ...]:
        """The parameters with a gradient in every training step, as DistributedDataParallel expects of all."""
        return tuple(parameter for parameter in self.parameters if parameter.steps == self.steps)

    @property
    def find_unused_parameters(self) -> bool:
        """Whether DistributedDataParallel needs this option."""
        return len(self.always) < len(self.parameters)

    def when(self, parameter: ParameterGradient) -> str:
        """When a parameter gets a gradient, in words."""
        if parameter.steps == self.steps:
            return "always"
        if parameter.steps:
            return f"in {parameter.steps} of {self.steps} training steps"
        return "in evaluation mode only" if parameter.evaluation else "never"
