"""A location in a model."""

from __future__ import annotations

from dataclasses import dataclass

from ..shared.records.places import Span
from .module_call import ModuleCall


@dataclass(frozen=True, eq=False)
class Where:
    """An expression in the user's code inside a module call; `target` is the expression that constructs the model."""

    span: Span
    call: ModuleCall
    target: str

    @property
    def module(self) -> str:
        """The class name of the module."""
        return type(self.call.module).__name__
