"""Writes the fixes of a scan as one patch per repository, for the tools that open pull requests in bulk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.write_file import write_atomically

from ..check.report import View, render
from ..report_text import count
from .scan import Scanned

_SUMMARY = "SUMMARY.md"


def write_patches(folder: Path, scanned: Sequence[Scanned]) -> str:
    """Write `NAME.patch` for every repository with fixes, and a summary, which is returned. Raises UsageError.

    No repository is changed: `git apply` changes it.
    """
    lines = ["| patch | repository | commit | files | findings fixed | left |", "|---|---|---|---|---|---|"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for entry in scanned:
            if entry.run is not None and entry.run.rewrites:
                file = folder / f"{_name(entry)}.patch"
                write_atomically(file, render("diff", entry.run, View(entry.repository.root)).encode())
                lines.append(_row(file, entry))
        text = "".join(f"{line}\n" for line in lines) if lines[2:] else "no verified fixes\n"
        write_atomically(folder / _SUMMARY, text.encode())
    except OSError as error:
        raise UsageError(f"--patches: cannot write to {folder}: {error.strerror}") from error
    return text


def _name(entry: Scanned) -> str:
    return re.sub(r"[^\w.@-]+", "-", entry.repository.target.label).strip("-.")


def _row(file: Path, entry: Scanned) -> str:
    assert entry.run is not None
    fixed = sum(rewrite.fixed for rewrite in entry.run.rewrites)
    label, commit = entry.repository.target.label.replace("|", "\\|"), entry.repository.commit or ""
    left = len(entry.run.findings) - fixed
    return f"| {file.name} | {label} | {commit} | {count(len(entry.run.rewrites), 'file')} | {fixed} | {left} |"
