"""The command `server`. The optional package pygls is imported inside the function."""

from __future__ import annotations

from pathlib import Path

import click

from resnet_lint.shared.errors import UsageError

from ..extras import require
from ..options.command_options import takes_interpreter
from ..options.configuration import Given
from ..workers.interpreter import require_forks


@click.command(short_help="Run the language server, for editors; or keep torch loaded for other commands.")
@click.option("--stdio", is_flag=True, help="Use standard input and output: the default, which some editors ask for.")
@click.option(
    "--warm", is_flag=True, help="Start a process in the background that keeps the tool and torch loaded, and return."
)
@click.option("--stop", is_flag=True, help="Stop the processes that --warm has started.")
@takes_interpreter
def server(stdio: bool, warm: bool, stop: bool, given: Given) -> int:
    """Run the language server on standard input and output, for editors.

    It shows findings while you type, and offers their verified fixes.

    With --warm, start processes that keep the tool and torch loaded: `check`, `trace` and hooks use them instead of
    loading both. They end after half an hour without use.
    """
    require_forks()
    if warm or stop:
        from ..warm import command as warm_command

        if warm and stop:
            raise UsageError("--warm cannot be combined with --stop")
        return warm_command.start(given.load(Path.cwd()), Path.cwd()) if warm else warm_command.stop()

    with require("server"):
        from .language_server import serve

    serve(given)
    return 0
