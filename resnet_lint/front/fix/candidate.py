"""Edits of a file that may fix a finding, before they are verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .source_tree import Source, TextEdit


@dataclass(frozen=True)
class Candidate:
    """Edits of a source. `changes_results`: whether they change what a model that runs gives.

    `completes`: whether they only pass on names that nothing reads. `adapts`: whether a failing layer takes what it
    gets, so that it and those after it give what they gave. `rebuilds`: whether blocks that are constructed later get
    other widths, so that they may need no projection. `keeps_widths`: whether no layer may give other channels, because
    only normalizations were wrong.
    """

    source: Source
    edits: Sequence[TextEdit]
    title: str
    changes_results: bool
    completes: bool = False
    adapts: bool = False
    rebuilds: bool = False
    keeps_widths: bool = False

    @cached_property
    def text(self) -> str:
        """The source with the edits applied."""
        return self.source.edited(self.edits)

    def followed_by(self, second: Candidate) -> Candidate | None:
        """These edits, and then those of a candidate for the edited text; None if they touch the same place."""
        moved = [_before(edit, self.edits) for edit in second.edits]
        edits = [*self.edits, *(edit for edit in moved if edit is not None)]
        if None in moved:
            return None
        title = f"{self.title}, and {second.title}"
        return Candidate(
            self.source,
            edits,
            title,
            self.changes_results or second.changes_results,
            self.completes and second.completes,
            self.adapts and second.adapts,
            self.rebuilds or second.rebuilds,
            self.keeps_widths and second.keeps_widths,
        )


def _before(edit: TextEdit, earlier: Sequence[TextEdit]) -> TextEdit | None:
    """An edit of an edited text as one of the original text; None if it touches an earlier edit."""
    shift = 0
    for other in sorted(earlier, key=lambda other: other.start):
        start, end = other.start + shift, other.start + shift + len(other.text)
        if edit.end >= start and edit.start <= end:
            return None
        if edit.start > end:
            shift += len(other.text) - (other.end - other.start)
    return TextEdit(edit.start - shift, edit.end - shift, edit.text)
