"""The report for people: what was found, where it came from, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from functools import cache

from resnet_lint.front.report_text import COLOURS, one_line, paint
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.places import Edit, Span
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import lines_of, shown

from .. import View
from ..facts import facts, offers
from ..summary import class_line, closing_lines
from ..underline import display, underline

_MOST_LINES = 6


def report(run: Run, view: View) -> str:
    """The findings, a paragraph each; with `verbose` the classes; then the summary."""
    read = cache(lines_of)
    blocks = ["\n".join(_finding(finding, read(finding.span.path), view)) for finding in run.findings]
    if view.verbose and not view.quiet:
        blocks.append("\n".join(_classes(run, view)))
    blocks.append("\n".join(closing_lines(run, view)))
    text = "\n\n".join(filter(None, blocks))
    return f"{text}\n" if text else ""


def _finding(finding: Finding, source: tuple[str, ...], view: View) -> Iterator[str]:
    yield _headline(finding, view)
    last_edit = max((edit.end.line for edit in finding.fix.edits), default=0) if finding.fix is not None else 0
    gutter = len(str(max(finding.span.end.line, last_edit)))
    yield from _snippet(finding.span, source, gutter, view)
    for fact in _facts(finding, view):
        yield f"{' ' * gutter} {paint('=', view.colour, fg='cyan')} {fact}"
    yield from _change(finding, source, gutter, view)


def _headline(finding: Finding, view: View) -> str:
    """Place, rule and message; an error is the normal case, so only the other severities are named."""
    start = finding.span.start
    place = paint(f"{shown(finding.span.path, view.cwd)}:{start.line}:{start.column}:", view.colour, bold=True)
    rule = paint(finding.rule, view.colour, fg=COLOURS[finding.severity], bold=True)
    severity = "" if finding.severity == "error" else f"{finding.severity}: "
    return f"{place} {rule} {severity}{one_line(finding.message)}"


def _snippet(span: Span, source: tuple[str, ...], gutter: int, view: View) -> Iterator[str]:
    """The source lines of the expression, underlined; of a long one the first two and the last."""
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
        yield f"{paint(f'{number:>{gutter}}', view.colour, fg='cyan')} {bar} {display(line)}".rstrip()
        if line.strip() or number == span.start.line:
            marks = underline(line, *_marked(span, number, line))
            yield f"{' ' * gutter} {bar} {paint(marks, view.colour, fg='red', bold=True)}"


def _marked(span: Span, number: int, line: str) -> tuple[int, int]:
    """The part of one line that belongs to the expression, from 0, the end exclusive; indentation is no part of it."""
    indent = len(line) - len(line.lstrip())
    start = span.start.column - 1 if number == span.start.line else indent
    end = span.end.column - 1 if number == span.end.line else len(line.rstrip())
    return start, end


def _facts(finding: Finding, view: View) -> Iterator[str]:
    yield from facts(finding, view.cwd)
    for label, title in offers(finding):
        yield f"{paint(label, view.colour, fg='green', bold=True)}: {title}"


def _change(finding: Finding, source: tuple[str, ...], gutter: int, view: View) -> Iterator[str]:
    """The lines that a fix takes away and puts in."""
    edits = finding.fix.edits if finding.fix is not None else ()
    if not edits:
        return
    after = edited_lines(source, edits)
    matcher = difflib.SequenceMatcher(None, source, after, autojunk=False)
    yield f"{' ' * gutter} {paint('|', view.colour, fg='cyan')}"
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            yield from (_changed(n, "-", source[n - 1], gutter, view) for n in range(old_start + 1, old_end + 1))
            yield from (_changed(n, "+", after[n - 1], gutter, view) for n in range(new_start + 1, new_end + 1))


def _changed(number: int, sign: str, line: str, gutter: int, view: View) -> str:
    return f"{number:>{gutter}} {paint(f'{sign} {display(line)}', view.colour, fg='green' if sign == '+' else 'red')}"


def edited_lines(lines: Sequence[str], edits: Sequence[Edit]) -> tuple[str, ...]:
    """The lines of a file after some edits, which do not overlap."""
    text = "\n".join(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        start = starts[edit.start.line - 1] + edit.start.column - 1
        end = starts[edit.end.line - 1] + edit.end.column - 1
        text = text[:start] + edit.text.replace("\r\n", "\n") + text[end:]
    return tuple(text.split("\n"))


def _classes(run: Run, view: View) -> Iterator[str]:
    for status in run.classes:
        yield f"{shown(status.path, view.cwd)}:{status.line}: {status.name} {class_line(status)}"
