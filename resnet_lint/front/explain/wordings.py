"""Explains torch's shape errors: one entry per message, for old and new versions, CPU, CUDA and MPS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .advice import Groups
from .layer_wordings import LAYERS
from .loss_wordings import LOSSES
from .tensor_wordings import TENSORS
from .vague_wordings import VAGUE
from .wording import Wording

EXACT: Sequence[Wording] = (*TENSORS, *LAYERS, *LOSSES)
WORDINGS: Sequence[Wording] = (*EXACT, *VAGUE)


@dataclass(frozen=True)
class Explanation:
    """The explanation of an error message that starts at a position of the text."""

    start: int
    meaning: str
    wording: Wording
    groups: Groups

    def advice(self, statement: str) -> str:
        """What to change, given the failing statement, which may be empty."""
        advise = self.wording.advise
        return advise if isinstance(advise, str) else advise(self.groups, statement)


def explain_last(text: str) -> Explanation | None:
    """Explain the last shape error in a text, if possible one that names sizes; None if there is no known one."""
    return _last(EXACT, text) or _last(VAGUE, text)


def _last(wordings: Sequence[Wording], text: str) -> Explanation | None:
    found = [
        Explanation(match.start(), wording.meaning.format(**groups), wording, groups)
        for wording in wordings
        for match in wording.pattern.finditer(text)
        for groups in [{name: value or "" for name, value in match.groupdict().items()}]
    ]
    return max(found, key=lambda explanation: explanation.start, default=None)
