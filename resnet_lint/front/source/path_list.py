"""Reads the paths of `--files-from`."""

from __future__ import annotations

import sys
from pathlib import Path

from resnet_lint.shared.errors import UsageError


def read_paths(file: Path) -> tuple[str, ...]:
    """The paths in a file or, for `-`, on standard input: one per line, without empty lines. Raises UsageError."""
    try:
        text = sys.stdin.read() if file == Path("-") else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--files-from: cannot read {file}: {error}") from error
    return tuple(line for line in text.splitlines() if line.strip())
