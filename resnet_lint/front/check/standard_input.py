"""Reads a file from stdin, for editors with unsaved files, and hooks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.source_text import shown

from ..options.settings import Settings
from ..source.discover import SourceFile

_MARK = "-"
_NAME = "stdin.py"


def read(paths: Sequence[str], settings: Settings, cwd: Path) -> SourceFile | None:
    """The file on stdin, if `-` or --stdin-filename was given; else None.

    It is checked as if it were this file, or stdin.py in the working directory.

    Raises UsageError if there are other paths, or the name is not that of a Python file.
    """
    if _MARK not in paths and settings.stdin_filename is None:
        return None
    if set(paths) - {_MARK}:
        raise UsageError("standard input cannot be combined with paths")
    path = settings.stdin_filename or cwd / _NAME
    if path.suffix != ".py":
        raise UsageError(f"--stdin-filename: {shown(path, cwd)}: not a Python file")
    data = sys.stdin.buffer.read()
    return SourceFile(path, shown(path, cwd), explicit=True, data=data)
