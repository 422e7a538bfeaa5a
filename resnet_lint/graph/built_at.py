"""The source location where a module was constructed, stored on the module itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .source_places import Point

if TYPE_CHECKING:
    from torch import nn

# An attribute of the module, so that it survives copy.deepcopy, as in nn.TransformerEncoder.
_NOTE = "_resnet_lint_built"


@dataclass(frozen=True)
class Built:
    """Where a module was constructed.

    `point` is the expression in the code of its owner; `chain` are all expressions of the user's code on the call
    stack, innermost first.
    """

    point: Point
    chain: tuple[Point, ...]

    @property
    def outermost(self) -> Point:
        return self.chain[-1]


def note_built(module: nn.Module, built: Built) -> None:
    """Store on a module where it was constructed, even before its constructor runs."""
    module.__dict__[_NOTE] = built


def built_of(module: nn.Module) -> Built | None:
    """Where a module was constructed; None if there was no user code on the call stack."""
    built: Built | None = module.__dict__.get(_NOTE)
    return built
