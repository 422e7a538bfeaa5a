"""An error message of torch, and what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .advice import Groups

Advise = Callable[[Groups, str], str] | str


@dataclass(frozen=True)
class Wording:
    """A pattern for an error message and its explanation, a format string with the groups of the pattern.

    `advise` says what to change, if necessary given the groups and the failing statement.
    """

    pattern: re.Pattern[str]
    meaning: str
    advise: Advise


def wording(pattern: str, meaning: str, advise: Advise) -> Wording:
    return Wording(re.compile(pattern), meaning, advise)


# A number, a shape such as [2, 64, 8, 8], and one that may be written torch.Size([2, 64, 8, 8]).
N, SHAPE = r"\d+", r"\[[\d, ]*\]"
SIZE = rf"(?:torch\.Size\()?{SHAPE}\)?"
