"""Where in a model something is."""

from __future__ import annotations

from dataclasses import dataclass

from ..shared.records.places import Span
from .module_call import ModuleCall


@dataclass(frozen=True, eq=False)
class Where:
    """An expression of the user's, inside the call of a module, in the model that the source `target` builds."""

    span: Span
    call: ModuleCall
    target: str

    @property
    def module(self) -> str:
        """The name of the module's class."""
        return type(self.call.module).__name__
