"""A file that comes on standard input, as editors and hooks send one that is not saved yet."""

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
    """The file on standard input, where `-` or --stdin-filename asks for it.

    It is checked as if it were there by that name, or else as stdin.py in the working folder.

    Raises UsageError for other paths beside it, and for a name that is no Python file's.
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
