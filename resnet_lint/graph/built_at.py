"""Where a module was built: noted on the module when it is made, read when a fault is explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .source_places import Point

if TYPE_CHECKING:
    from torch import nn

# An attribute of the module itself: it survives copy.deepcopy, as in nn.TransformerEncoder.
_NOTE = "_resnet_lint_built"


@dataclass(frozen=True)
class Built:
    """Where a module was built.

    `point` is the expression in its owner's code; `chain` has all the user's expressions that led to it, the innermost
    first.
    """

    point: Point
    chain: tuple[Point, ...]

    @property
    def outermost(self) -> Point:
        return self.chain[-1]


def note_built(module: nn.Module, built: Built) -> None:
    """Remember on a module, also on one whose constructor has yet to run, where it was built."""
    module.__dict__[_NOTE] = built


def built_of(module: nn.Module) -> Built | None:
    """Where a module was built, None where nothing of the user's led there."""
    built: Built | None = module.__dict__.get(_NOTE)
    return built
