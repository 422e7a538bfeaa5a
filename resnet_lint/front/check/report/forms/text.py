"""The text report: findings with source code, causes and fixes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from resnet_lint.front.report_text import paint
from resnet_lint.shared.notebook import cell_of, place_in
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.places import Edit, Span
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View
from ..edited_lines import edited_lines
from ..facts import facts, offers, proofs
from ..headline import headline
from ..summary import class_line, closing_lines
from ..underline import display, underline

_MOST_LINES = 6


def report(run: Run, view: View) -> str:
    """One paragraph per finding, the classes if `verbose`, and the summary."""
    read = cache(view.lines)
    first = _first_with_edits(run.findings)
    blocks = ["\n".join(_finding(finding, read(finding.span.path), first, view)) for finding in run.findings]
    if view.verbose and not view.quiet:
        blocks.append("\n".join(_classes(run, view)))
    blocks.append("\n".join(closing_lines(run, view)))
    text = "\n\n".join(filter(None, blocks))
    return f"{text}\n" if text else ""


_Edits = tuple[str, tuple[Edit, ...]]
"""A file, and the edits of a fix for one of its findings."""


def _edits(finding: Finding) -> _Edits:
    return finding.span.path, finding.fix.edits if finding.fix is not None else ()


def _first_with_edits(findings: Sequence[Finding]) -> dict[_Edits, Finding]:
    """The first finding that some edits fix: a mistake in a helper leads to one at each of its uses."""
    return {_edits(finding): finding for finding in reversed(findings)}


def _finding(finding: Finding, source: tuple[str, ...], first: Mapping[_Edits, Finding], view: View) -> Iterator[str]:
    yield headline(finding, view)
    last_edit = max((edit.end.line for edit in finding.fix.edits), default=0) if finding.fix is not None else 0
    gutter = len(str(max(finding.span.end.line, last_edit)))
    yield from _snippet(finding.span, source, gutter, view)
    for fact in _facts(finding, view):
        yield f"{' ' * gutter} {paint('=', view.colour, fg='cyan')} {fact}"
    other = first[_edits(finding)]
    if other is finding:
        yield from _change(finding, source, gutter, view)
    elif _edits(finding)[1]:
        line = place_in(other.span.path, other.span.start.line)
        yield f"{' ' * gutter} {paint('=', view.colour, fg='cyan')} the edit is the same as for line {line}"


def _snippet(span: Span, source: tuple[str, ...], gutter: int, view: View) -> Iterator[str]:
    """The source lines of an expression, underlined; the first two and the last one if it is long."""
    numbers = [number for number in range(span.start.line, span.end.line + 1) if number <= len(source)]
    if not numbers:
        return
    bar = paint("|", view.colour, fg="cyan")
    cut = len(numbers) > _MOST_LINES
    yield f"{' ' * gutter} {bar}"
    for number in (*numbers[:2], numbers[-1]) if cut else numbers:
        if cut and number == numbers[-1]:
            yield f"{' ' * gutter} {bar} ..."
        line = source[number - 1]
        shown_number = cell_of(span.path, number)[1]
        yield f"{paint(f'{shown_number:>{gutter}}', view.colour, fg='cyan')} {bar} {display(line)}".rstrip()
        if line.strip() or number == span.start.line:
            marks = underline(line, *_marked(span, number, line))
            yield f"{' ' * gutter} {bar} {paint(marks, view.colour, fg='red', bold=True)}"


def _marked(span: Span, number: int, line: str) -> tuple[int, int]:
    """The columns of an expression in one of its lines, from 0, the end exclusive, without indentation."""
    indent = len(line) - len(line.lstrip())
    start = span.start.column - 1 if number == span.start.line else indent
    end = span.end.column - 1 if number == span.end.line else len(line.rstrip())
    return start, end


def _facts(finding: Finding, view: View) -> Iterator[str]:
    yield from facts(finding, view.cwd)
    for label, title in offers(finding):
        yield f"{paint(label, view.colour, fg='green', bold=True)}: {title}"
    yield from proofs(finding)


def _change(finding: Finding, source: tuple[str, ...], gutter: int, view: View) -> Iterator[str]:
    """The lines that a fix removes and adds."""
    edits = finding.fix.edits if finding.fix is not None else ()
    if not edits:
        return
    after = edited_lines(source, edits)
    matcher = difflib.SequenceMatcher(None, source, after, autojunk=False)
    yield f"{' ' * gutter} {paint('|', view.colour, fg='cyan')}"
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            before = finding.span.start.line - cell_of(finding.span.path, finding.span.start.line)[1]  # in other cells
            for n in range(old_start, old_end):
                yield _changed(n + 1 - before, "-", source[n], gutter, view)
            for n in range(new_start, new_end):
                yield _changed(n + 1 - before, "+", after[n], gutter, view)


def _changed(number: int, sign: str, line: str, gutter: int, view: View) -> str:
    return f"{number:>{gutter}} {paint(f'{sign} {display(line)}', view.colour, fg='green' if sign == '+' else 'red')}"


def _classes(run: Run, view: View) -> Iterator[str]:
    for status in run.classes:
        yield f"{shown(status.path, view.cwd)}:{place_in(status.path, status.line)}: {status.name} {class_line(status)}"
