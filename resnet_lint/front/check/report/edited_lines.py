"""The lines of a file after a fix."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.shared.records.places import Edit


def edited_lines(lines: Sequence[str], edits: Sequence[Edit]) -> tuple[str, ...]:
    """Apply edits to the lines of a file; they must not overlap."""
    text = "\n".join(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        start = starts[edit.start.line - 1] + edit.start.column - 1
        end = starts[edit.end.line - 1] + edit.end.column - 1
        text = text[:start] + edit.text.replace("\r\n", "\n") + text[end:]
    return tuple(text.split("\n"))
