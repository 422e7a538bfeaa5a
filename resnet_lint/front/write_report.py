"""Where a report goes: to the terminal, or into the file that --output names."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TextIO

import click

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.write_file import write_atomically

from .terminal import wants_colour


def require_folder(output: Path | None) -> None:
    """Raise UsageError, before the work, where a report could not be written after it."""
    if output is not None and not output.parent.is_dir():
        raise UsageError(f"--output: there is no folder {output.parent}")


def write_report(text: str, output: Path | None, stream: TextIO | None = None) -> None:
    """Write a report to a stream, by default stdout, or into a file. Raises UsageError where that cannot be written."""
    if output is None:
        stream = stream or sys.stdout
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a source line may hold what the terminal's encoding lacks
        click.echo(text, file=stream, nl=False, color=wants_colour(stream))
        return
    try:
        write_atomically(output, text.encode())
    except OSError as error:
        raise UsageError(f"--output: cannot write {output}: {error.strerror}") from error
