"""Adds fixes to the findings of a file, or writes them to the file if requested."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from resnet_lint.shared.errors import FileNotWritten
from resnet_lint.shared.records.reports import FileReport, Rewrite
from resnet_lint.shared.records.requests import CheckRequest
from resnet_lint.shared.source_text import read_exactly
from resnet_lint.shared.write_file import write_atomically

from ..options.settings import Settings
from .conditions import kinds
from .verify import Analyse, Fixer


def fixed(
    report: FileReport, request: CheckRequest, settings: Settings, analyse: Analyse
) -> tuple[FileReport, Rewrite | None]:
    """The report with fixes, and with `--fix` or `--diff`, the rewritten file with all fixes applied.

    A text that replaces the file, as from stdin, is not written. Raises FileNotWritten if the file cannot be written,
    or has changed since it was read.
    """
    source = read_exactly(Path(request.path)).text if request.source is None else request.source
    fixer = Fixer(request, analyse, report.seconds, settings.fix_choice)
    if not settings.fix and not settings.diff:
        return fixer.with_fixes(report, source), None
    text, left = fixer.fixed(report, source, settings.unsafe_fixes)
    rewrite = Rewrite(request.path, source, text, _number_fixed(report, left), left.findings)
    changed = rewrite if text != source else None
    if settings.diff:
        return report, changed
    if changed is not None and request.source is None:
        write(changed)
    return fixer.with_fixes(left, text), changed  # remaining findings may have unsafe fixes


def _number_fixed(before: FileReport, after: FileReport) -> int:
    """The number of findings that are gone; those that a fix brings to light do not count against it."""
    return (kinds(before.findings) - kinds(after.findings)).total()


def write(rewrite: Rewrite) -> None:
    """Write a fixed file. Raises FileNotWritten if it cannot be written, or has changed."""
    path = Path(rewrite.path)
    try:
        source = read_exactly(path)
        if source.text != rewrite.before:
            raise _changed(path)
        if not os.access(path, os.W_OK):  # an atomic replacement would ignore this
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        write_atomically(path, source.encoded(rewrite.after))
    except OSError as error:
        raise FileNotWritten(f"cannot write {path}: {error.strerror}") from error
    except (UnicodeError, SyntaxError) as error:  # it is no longer valid Python
        raise _changed(path) from error


def _changed(path: Path) -> FileNotWritten:
    return FileNotWritten(f"{path} has changed during the check and was not written; run again")
