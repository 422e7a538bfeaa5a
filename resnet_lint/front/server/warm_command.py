"""`resnet-lint server --warm` and `--stop`."""

from __future__ import annotations

from pathlib import Path

import click

from ..options.settings import Settings
from ..workers import warm_worker
from ..workers.interpreter import chooser


def start(settings: Settings, cwd: Path) -> int:
    """Start the worker that stays, for the interpreter of the working directory. Raises UsageError and WorkerError."""
    interpreter = chooser(settings.python, cwd)()
    pid, is_new = warm_worker.start(interpreter)
    click.echo(f"process {pid} {'keeps' if is_new else 'already keeps'} torch loaded, with {interpreter.executable}")
    return 0


def stop() -> int:
    """Stop all workers that stay."""
    stopped = warm_worker.stop()
    click.echo("\n".join(f"stopped process {pid}" for pid in stopped) or "no process keeps torch loaded")
    return 0
