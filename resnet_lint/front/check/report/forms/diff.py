"""The changes of `--fix` as a unified diff for `git apply` and `patch -p1`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from resnet_lint.front.report_text import count, paint
from resnet_lint.shared.records.reports import Rewrite, Run
from resnet_lint.shared.source_text import shown, split_lines

from .. import View

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def report(run: Run, view: View) -> str:
    """One diff for all files, or a message if nothing can be fixed."""
    lines = [line for rewrite in run.rewrites for line in _diff(rewrite, view)]
    if not lines:
        return f"no verified fix for {count(len(run.findings), 'finding')}\n"
    return "".join(lines)


def _diff(rewrite: Rewrite, view: View) -> Iterator[str]:
    name = shown(rewrite.path, view.cwd)
    before, after = split_lines(rewrite.before), split_lines(rewrite.after)
    for line in difflib.unified_diff(before, after, f"a/{name}", f"b/{name}"):
        whole = line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n"
        yield paint(whole, view.colour, fg=_COLOURS.get(line[0]))
