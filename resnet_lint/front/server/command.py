"""The command `server`. The optional package pygls is imported inside the function."""

from __future__ import annotations

import click

from ..extras import require
from ..options.command_options import takes_interpreter
from ..options.configuration import Given


@click.command(short_help="Run the language server, for editors.")
@click.option("--stdio", is_flag=True, help="Use standard input and output: the default, which some editors ask for.")
@takes_interpreter
def server(stdio: bool, given: Given) -> int:
    """Run the language server on standard input and output, for editors.

    It shows findings while you type, and offers their verified fixes.
    """
    with require("server"):
        from .language_server import serve

    serve(given)
    return 0
