"""`resnet-lint server --warm` and `--stop`."""

from __future__ import annotations

from pathlib import Path

import click

from ..options.settings import Settings
from ..workers.interpreter import chooser
from . import process, worker
from .automatic import tool


def start(settings: Settings, cwd: Path) -> int:
    """Start the processes that keep torch and the tool loaded: torch in the interpreter of the working directory.

    Raises UsageError and WorkerError.
    """
    interpreter = chooser(settings.python, cwd)()
    _report(worker.start(interpreter), f"torch loaded, with {interpreter.executable}")
    _report(process.start(*tool()), "resnet-lint loaded")
    return 0


def stop() -> int:
    """Stop all processes that `start` has started."""
    stopped = process.stop()
    click.echo("\n".join(f"stopped process {pid}" for pid in stopped) or "nothing to stop")
    return 0


def _report(started: tuple[int, bool], what: str) -> None:
    pid, is_new = started
    click.echo(f"process {pid} {'keeps' if is_new else 'already keeps'} {what}")
