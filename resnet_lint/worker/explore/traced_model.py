"""A traced model."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.trace import Trace

from ..build.guess_arguments import Invented
from ..load.classes import ModelClass


@dataclass(frozen=True, eq=False)
class Traced:
    """A traced model, its construction, and its trusted faults.

    `label` is the expression that constructs it; `invented` are its constructor arguments if they are guessed.
    `sizes_stated` is whether the sizes of its inputs come from the file or the user. `doubted` are faults that other
    arguments may avoid.
    """

    label: str
    trace: Trace
    faults: tuple[Fault, ...]
    invented: Invented | None = None
    model_class: ModelClass | None = None
    sizes_stated: bool = True
    doubted: tuple[Fault, ...] = ()
