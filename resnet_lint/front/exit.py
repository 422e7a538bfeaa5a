"""How a command ends that could not do its work: one line on stderr and exit code 2."""

from __future__ import annotations

import click

FAILED = 2


def fail(line: str, code: int = FAILED) -> int:
    """Print one line on stderr, whatever it held, and give the exit code."""
    click.echo(f"resnet-lint: {' '.join(line.split())}", err=True)
    return code
