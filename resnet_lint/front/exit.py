"""How a command ends that could not do its work: one line on stderr and exit code 2."""

from __future__ import annotations

import os
import traceback

import click

FAILED = 2

TRACEBACK_VARIABLE = "RESNET_LINT_TRACEBACK"


def fail(line: str, code: int = FAILED) -> int:
    """Print one line on stderr, whatever it held, and give the exit code."""
    click.echo(f"resnet-lint: {' '.join(line.split())}", err=True)
    return code


def fault_line(error: BaseException, file: str | None = None) -> str:
    """One line about a fault of the tool itself, on a file or the whole run; a traceback where one is wanted."""
    where = f"{file}: " if file is not None else ""
    line = f"a fault of resnet-lint itself: {where}{type(error).__name__}: {error}"
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
        return line
    return f"{line}; {TRACEBACK_VARIABLE}=1 shows where"
