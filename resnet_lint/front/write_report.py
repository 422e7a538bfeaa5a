"""Writes a report to the terminal or to the file given by --output."""

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
    """Raise UsageError if the directory of the output file does not exist."""
    if output is not None and not output.parent.is_dir():
        raise UsageError(f"--output: no such directory: {output.parent}")


def write_report(text: str, output: Path | None, stream: TextIO | None = None) -> None:
    """Write a report to a file, or to a stream (default: stdout). Raises UsageError if the file cannot be written."""
    if output is None:
        stream = stream or sys.stdout
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # source lines may not be encodable
        click.echo(text, file=stream, nl=False, color=wants_colour(stream))
        return
    try:
        write_atomically(output, text.encode())
    except OSError as error:
        raise UsageError(f"--output: cannot write {output}: {error.strerror}") from error
