"""Parts shared by the text reports: counts, statistics, and reasons for unchecked code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from resnet_lint.front.report_text import COLOURS, count, one_line, paint
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import ClassStatus, Run
from resnet_lint.shared.records.requests import Interpreter
from resnet_lint.shared.source_text import shown

from . import View

_MOST_REASONS = 5


def checked_classes(run: Run) -> int:
    return sum(status.status == "checked" for status in run.classes)


def is_nothing_checked(run: Run) -> bool:
    """Whether no class was checked, and no model of library classes."""
    return not checked_classes(run) and not any(file.outcomes for file in run.files if not file.classes)


def closing_lines(run: Run, view: View) -> list[str]:
    """The end of a report: statistics, unchecked code, and the summary.

    A quiet report has no summary, but still says if nothing was checked, because silence would look like success.
    """
    lines = statistics(run.findings) if view.statistics else []
    if is_nothing_checked(run):
        lines += nothing_checked(run, view)
    elif not view.quiet:
        lines += map(one_line, run.notes)
    if not view.quiet:
        lines += _file_notes(run, view)
        if view.verbose and run.interpreter is not None:
            lines.append(_loaded_by(run.interpreter))
        lines.append(summary(run, view))
    return lines


def class_line(status: ClassStatus) -> str:
    """The status of a class."""
    detail = status.how if status.status == "checked" else status.reason
    fed = f", fed {status.fed} ({status.fed_from})" if status.fed else ""
    return f"{status.status}: {one_line(detail + fed)}" if detail else status.status


def coverage(run: Run) -> str:
    """The numbers of models and classes that were checked or not checked."""
    checked = checked_classes(run)
    classes = f"{count(checked, 'class', 'classes')} checked, {len(run.classes) - checked} not checked"
    models = sum(len({outcome.label for outcome in file.outcomes}) for file in run.files if not file.classes)
    return f"{count(models, 'model')} and {classes}" if models else classes


def summary(run: Run, view: View) -> str:
    """The last line of a report: the numbers of findings, classes and files."""
    severities = Counter(finding.severity for finding in run.findings)
    errors, warnings = count(severities["error"], "error"), count(severities["warning"], "warning")
    parts = [
        paint(
            errors,
            view.colour,
            fg=COLOURS["error"] if severities["error"] else None,
            bold=severities["error"] > 0 or None,
        ),
        paint(warnings, view.colour, fg=COLOURS["warning"] if severities["warning"] else None),
    ]
    if run.rewrites:
        fixed = sum(rewrite.fixed for rewrite in run.rewrites)
        parts.insert(
            0, paint(f"{fixed} fixed in {count(len(run.rewrites), 'file')}", view.colour, fg="green", bold=True)
        )
    if severities["info"]:
        parts.append(f"{severities['info']} info")
    return f"{', '.join(parts)}; {coverage(run)}; {count(len(run.files), 'file')}, {run.seconds:.1f} s"


def nothing_checked(run: Run, view: View) -> list[str]:
    """The message that nothing was checked, with the reasons on further lines."""
    reasons = [*map(one_line, run.notes), *_failures(run, view)]
    shortened = reasons[:_MOST_REASONS]
    if len(reasons) > _MOST_REASONS:
        shortened.append(f"and {len(reasons) - _MOST_REASONS} more")
    head = paint("nothing was checked", view.colour, fg="yellow", bold=True)
    if len(reasons) == 1:
        return [f"{head}: {reasons[0]}"]
    return [f"{head}:" if reasons else head, *(f"  {reason}" for reason in shortened)]


def _failures(run: Run, view: View) -> list[str]:
    """The reasons why files and classes were not checked."""
    reasons = []
    for file in run.files:
        if file.classes:
            reasons += [
                f"{shown(status.path, view.cwd)}: {status.name} {class_line(status)}" for status in file.classes
            ]
        else:
            reasons += [
                f"{shown(finding.span.path, view.cwd)}: {one_line(finding.message)}" for finding in file.findings
            ]
    return reasons


def _loaded_by(interpreter: Interpreter) -> str:
    versions = f"Python {interpreter.python}, torch {interpreter.torch}"
    return one_line(f"models were loaded by {interpreter.executable}: {versions}")


def _file_notes(run: Run, view: View) -> list[str]:
    notes = [f"{shown(file.path, view.cwd)}: {one_line(note)}" for file in run.files for note in file.notes]
    if view.verbose or not notes:
        return notes
    return [f"{count(len(notes), 'note')}; --verbose shows {'it' if len(notes) == 1 else 'them'}"]


def statistics(findings: Sequence[Finding]) -> list[str]:
    """The number of findings per rule, largest first; empty without findings."""
    from tabulate import tabulate  # rarely needed

    counts = Counter((finding.rule, finding.name, finding.severity) for finding in findings)
    rows = sorted(((number, *rule) for rule, number in counts.items()), key=lambda row: (-row[0], row[1]))
    return tabulate(rows, tablefmt="plain").splitlines()
