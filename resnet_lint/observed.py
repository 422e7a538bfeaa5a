"""What traces that run show of a model, for the rules on mistakes that raise nothing. Plain records, no torch.

Each kind of observation is a record of its own, with the evidence that its rule puts into the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .records import Cause, Span

Use = Literal["added", "concatenated", "read"]


@dataclass(frozen=True)
class Observed:
    """Something seen at an expression, inside a module of a traced model. `target` is the source that builds it."""

    span: Span
    module: str
    module_path: str
    target: str


@dataclass(frozen=True)
class SelfAddition(Observed):
    """A tensor that layers of this block made is added to itself; `operand` says what it is, such as `bn2, line 9`."""

    operand: str


@dataclass(frozen=True)
class ChangedBeforeUse(Observed):
    """A variable's tensor is changed in place, and used afterwards as if it were still the old one.

    `change` is the call that changes it; `here` is true where the observation stands at the change and not at the use,
    whose line is `used_at`.
    """

    variable: str
    change: Cause
    here: bool
    use: Use
    used_at: int
