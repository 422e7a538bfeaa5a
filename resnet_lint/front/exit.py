"""Reports a failed command: one line on stderr and exit code 2."""

from __future__ import annotations

import os
import traceback

import click

FAILED = 2

TRACEBACK_VARIABLE = "RESNET_LINT_TRACEBACK"


def fail(line: str, code: int = FAILED) -> int:
    """Print a message on stderr as one line, and return the exit code."""
    click.echo(f"resnet-lint: {' '.join(line.split())}", err=True)
    return code


def fault_line(error: BaseException, file: str | None = None) -> str:
    """Describe an internal error in one line; print the traceback if RESNET_LINT_TRACEBACK is set."""
    where = f"{file}: " if file is not None else ""
    line = f"internal error of resnet-lint: {where}{type(error).__name__}: {error}"
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
        return line
    return f"{line}; {TRACEBACK_VARIABLE}=1 shows the traceback"
