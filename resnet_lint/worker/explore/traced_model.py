"""A model that was built, fed and traced."""

from __future__ import annotations

from dataclasses import dataclass

from ..build.guess_arguments import Invented
from ..load.classes import ModelClass
from ..tracer.fault import Fault
from ..tracer.trace import Trace


@dataclass(frozen=True, eq=False)
class Traced:
    """A model that was traced: how it was built and fed, and which of its faults can be trusted.

    `label` is the source that builds it; `invented` are its constructor arguments where nobody wrote them down.
    `sizes_stated` is true where the sizes of its input come from the file or the user.
    """

    label: str
    trace: Trace
    faults: tuple[Fault, ...]
    invented: Invented | None = None
    model_class: ModelClass | None = None
    sizes_stated: bool = True
